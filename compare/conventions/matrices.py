"""Matrices that are singular, degenerate, or not symmetric where they should be."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np

from compare.concepts.pages import jax_reference, torch_reference
from compare.conventions.convention import Convention, of, raises, torch_issue, torch_pull
from compare.points import Point

__all__ = ["ENTRIES"]

NAN, INFINITY = float("nan"), float("inf")
SINGULAR = [[1.0, 2.0], [2.0, 4.0]]
IDENTITY = [[1.0, 0.0], [0.0, 1.0]]


def _eigenvalues(x: Any) -> Any:
    """Those of the mean of a matrix of two rows and columns and its transpose, in closed form, in ascending order."""
    middle, distance = (x[0, 0] + x[1, 1]) / 2, mpmath.hypot((x[0, 0] - x[1, 1]) / 2, (x[0, 1] + x[1, 0]) / 2)
    return np.array([middle - distance, middle + distance], dtype=object)


def _projection(x: Any, *, smallest: bool) -> Any:
    """That on the eigenvector of the smallest or largest eigenvalue of a symmetric matrix of two rows and columns."""
    low, high = _eigenvalues(x)
    own, other = (low, high) if smallest else (high, low)
    return (x - other * np.eye(2, dtype=int)) / (own - other)


LOWER_TRIANGLE = (
    "mean = (x + x.T) / 2\nlower = jnp.tril(x) + jnp.tril(x, -1).T\n"
    "jnp.linalg.{function}(mean + lax.stop_gradient(lower - mean))"
)
"""The value of the lower triangle, with the gradient spread over both."""

ENTRIES: tuple[Convention, ...] = (
    Convention(
        id="determinant-of-a-singular-matrix",
        title="The gradient of the determinant of a singular matrix is zero in PyTorch, which is wrong.",
        point=Point("torch.linalg.det(x)", "jnp.linalg.det(x)", {"x": SINGULAR}, exact=of("det")),
        aspect="reverse",
        verdict="torch-wrong",
        torch=[[0.0, 0.0], [0.0, 0.0]],
        jax=[[4.0, -2.0], [-2.0, 1.0]],
        left=[[4.0, -2.0], [-2.0, 1.0]],
        reason="The determinant is a polynomial, and its gradient the matrix of cofactors. PyTorch solves with the "
        "matrix and multiplies by the determinant, which is zero. With create_graph=True it takes another way, and is "
        "right.",
        links=(torch_issue(104675), torch_issue(67767), torch_issue(80761), torch_pull(171225)),
    ),
    Convention(
        id="determinant-in-forward-mode",
        title="In forward mode the determinant of a singular matrix has the derivative zero in PyTorch.",
        point=Point("torch.linalg.det(x)", "jnp.linalg.det(x)", {"x": [[1.0, 0.0], [0.0, 0.0]]}, exact=of("det")),
        aspect="forward",
        verdict="torch-wrong",
        torch=0.0,
        jax=1.0,
        left=1.0,
        reason="Along the matrix of ones the polynomial has the slope 1. PyTorch multiplies by the determinant, zero.",
        links=(torch_issue(104675), torch_issue(80761)),
    ),
    Convention(
        id="second-derivative-of-a-determinant",
        title="The second derivative of the determinant of a singular matrix can be nan in PyTorch.",
        point=Point("torch.linalg.det(x)", "jnp.linalg.det(x)", {"x": [[0.0, 0.0], [0.0, 0.0]]}, exact=of("det")),
        aspect="second",
        verdict="torch-wrong",
        torch=[[NAN, NAN], [NAN, NAN]],
        jax=[[1.0, -1.0], [-1.0, 1.0]],
        left=[[1.0, -1.0], [-1.0, 1.0]],
        reason="The way that is right for first derivatives goes through a singular value decomposition, whose own "
        "derivative divides by zero where singular values are zero.",
        links=(torch_issue(104675), torch_issue(67767)),
    ),
    Convention(
        id="logarithm-of-a-determinant-of-zero",
        title="The gradient of slogdet of a singular matrix is infinite in both, with opposite signs.",
        point=Point("torch.linalg.slogdet(x).logabsdet", "jnp.linalg.slogdet(x)[1]", {"x": SINGULAR}),
        aspect="reverse",
        verdict="convention",
        torch=[[-INFINITY, INFINITY], [INFINITY, -INFINITY]],
        jax=[[INFINITY, -INFINITY], [-INFINITY, INFINITY]],
        reason="The logarithm is minus infinity, and rises on either side. Each divides by a zero, of its own sign.",
        links=(torch_reference("torch.linalg.slogdet"), jax_reference("jax.numpy.linalg.slogdet")),
        as_torch="d = x[0, 0] * x[1, 1] - x[0, 1] * x[1, 0]\njnp.log(jnp.where(d > 0, d, 0.0 - d))",
        as_jax="d = x[0, 0] * x[1, 1] - x[0, 1] * x[1, 0]\ntorch.log(torch.where(d >= 0, d, -d))",
        ordinary=({"x": [[2.0, 1.0], [0.5, 3.0]]}, {"x": [[1.0, 3.0], [2.0, 1.0]]}),
    ),
    Convention(
        id="inverse-of-a-singular-matrix",
        title="The inverse of a singular matrix raises in PyTorch, and is infinite in JAX.",
        point=Point("torch.linalg.inv(x)", "jnp.linalg.inv(x)", {"x": SINGULAR}),
        aspect="value",
        verdict="raises-differ",
        torch=raises("_LinAlgError", "linalg.inv: The diagonal element 2 is zero"),
        jax=[[-INFINITY, INFINITY], [INFINITY, -INFINITY]],
        reason="Compiled code cannot raise.",
        links=(torch_reference("torch.linalg.inv"), jax_reference("jax.numpy.linalg.inv")),
    ),
    Convention(
        id="equations-with-a-singular-matrix",
        title="Solving with a singular matrix raises in PyTorch, and is nan in JAX.",
        point=Point("torch.linalg.solve(x, y)", "jnp.linalg.solve(x, y)", {"x": SINGULAR, "y": [1.0, 2.0]}),
        aspect="value",
        verdict="raises-differ",
        torch=raises("_LinAlgError", "The solver failed because the input matrix is singular"),
        jax=[NAN, NAN],
        reason="Compiled code cannot raise.",
        links=(torch_reference("torch.linalg.solve"), jax_reference("jax.numpy.linalg.solve")),
    ),
    Convention(
        id="cholesky-of-an-indefinite-matrix",
        title="Cholesky of a matrix that is not positive definite raises in PyTorch, and is nan in JAX.",
        point=Point("torch.linalg.cholesky(x)", "jnp.linalg.cholesky(x)", {"x": [[1.0, 2.0], [2.0, 1.0]]}),
        aspect="value",
        verdict="raises-differ",
        torch=raises(
            "_LinAlgError", "The factorization could not be completed because the input is not positive-definite"
        ),
        jax=[[NAN, 0.0], [NAN, NAN]],
        reason="Compiled code cannot raise.",
        links=(torch_reference("torch.linalg.cholesky"), jax_reference("jax.numpy.linalg.cholesky")),
    ),
    Convention(
        id="complete-qr-of-a-tall-matrix",
        title="The gradient of a complete QR of a tall matrix raises in PyTorch, and is a number in JAX.",
        point=Point("torch.linalg.qr(x, mode='complete').Q", "jnp.linalg.qr(x, 'complete')[0]", {"x": [[1.0], [2.0]]}),
        aspect="reverse",
        verdict="raises-differ",
        torch=raises(
            "RuntimeError", "The QR decomposition is not differentiable when mode='complete' and nrows > ncols"
        ),
        jax=[[0.3577708763999663], [-0.17888543819998315]],
        reason="The columns that complete the basis are not determined by the matrix.",
        links=(torch_reference("torch.linalg.qr"), jax_reference("jax.numpy.linalg.qr")),
    ),
    Convention(
        id="cholesky-of-an-asymmetric-matrix",
        title="Cholesky reads the lower triangle in PyTorch, and the mean of both in JAX.",
        point=Point("torch.linalg.cholesky(x)", "jnp.linalg.cholesky(x)", {"x": [[4.0, 2.0], [0.0, 3.0]]}),
        aspect="reverse",
        verdict="default-differs",
        torch=[[0.25, 0.25], [0.25, 0.2886751345948129]],
        jax=[[0.20634445903611023, 0.17462216385555906], [0.17462216385555906, 0.30151134457776363]],
        reason="Only a symmetric matrix has the same factor in both. Both spread the gradient over the two triangles.",
        jax_rule="symmetrize_input is True by default.",
        links=(torch_reference("torch.linalg.cholesky"), jax_reference("jax.numpy.linalg.cholesky")),
        as_torch=LOWER_TRIANGLE.format(function="cholesky"),
        as_jax="torch.linalg.cholesky((x + x.mT) / 2)",
        ordinary=({"x": [[4.0, 1.0], [1.0, 3.0]]},),
    ),
    Convention(
        id="eigenvalues-of-an-asymmetric-matrix",
        title="eigvalsh reads the lower triangle in PyTorch, and the mean of both in JAX.",
        point=Point(
            "torch.linalg.eigvalsh(x)",
            "jnp.linalg.eigvalsh(x)",
            {"x": [[2.0, 3.0], [1.0, 4.0]]},
            cotangent=[1.0, 0.0],
        ),
        aspect="reverse",
        verdict="default-differs",
        torch=[[0.8535533905932737, -0.35355339059327373], [-0.35355339059327373, 0.1464466094067262]],
        jax=[[0.7236067977499789, -0.447213595499958], [-0.447213595499958, 0.276393202250021]],
        reason="Only a symmetric matrix has the same eigenvalues in both.",
        torch_rule="UPLO is 'L' by default: the lower triangle is read.",
        jax_rule="symmetrize_input is True by default.",
        links=(torch_reference("torch.linalg.eigvalsh"), jax_reference("jax.numpy.linalg.eigvalsh")),
        as_torch=LOWER_TRIANGLE.format(function="eigvalsh"),
        as_jax="torch.linalg.eigvalsh((x + x.mT) / 2)",
        ordinary=({"x": [[2.0, 1.0], [1.0, 4.0]]},),
    ),
    # ---- what agrees ----
    Convention(
        id="determinant-of-the-zero-matrix",
        title="The gradient of the determinant of the zero matrix is zero in both.",
        point=Point("torch.linalg.det(x)", "jnp.linalg.det(x)", {"x": [[0.0, 0.0], [0.0, 0.0]]}, exact=of("det")),
        aspect="reverse",
        verdict="agrees",
        torch=[[0.0, 0.0], [0.0, 0.0]],
        jax=[[0.0, 0.0], [0.0, 0.0]],
        left=[[0.0, 0.0], [0.0, 0.0]],
        reason="All cofactors are zero: what PyTorch answers for every singular matrix is right here.",
    ),
    Convention(
        id="eigenvalues-that-are-equal",
        title="The gradients of equal eigenvalues are finite and the same in both.",
        point=Point("torch.linalg.eigvalsh(x)", "jnp.linalg.eigvalsh(x)", {"x": IDENTITY}, cotangent=[1.0, 10.0]),
        aspect="reverse",
        verdict="agrees",
        torch=[[1.0, 0.0], [0.0, 10.0]],
        jax=[[1.0, 0.0], [0.0, 10.0]],
        reason="An eigenvalue needs no quotient of differences. Which vectors belong to which is arbitrary, and the "
        "same.",
    ),
    Convention(
        id="eigenvalues-of-a-symmetric-matrix",
        title="The gradient of an eigenvalue is spread over both triangles in both.",
        point=Point(
            "torch.linalg.eigvalsh(x)",
            "jnp.linalg.eigvalsh(x)",
            {"x": [[2.0, 1.0], [1.0, 2.0]]},
            exact=_eigenvalues,
            cotangent=[1.0, 0.0],
        ),
        aspect="reverse",
        verdict="agrees",
        torch=[[0.5, -0.5], [-0.5, 0.5]],
        jax=[[0.5, -0.5], [-0.5, 0.5]],
        left=[[0.5, -0.5], [-0.5, 0.5]],
        reason="Although PyTorch reads one triangle only, its gradient treats both alike.",
    ),
    Convention(
        id="projection-on-an-eigenvector",
        title="The projection on an eigenvector has one gradient in both, whatever its sign.",
        point=Point(
            "v = torch.linalg.eigh((x + x.mT) / 2).eigenvectors\nv[:, :1] @ v[:, :1].mT",
            "v = jnp.linalg.eigh((x + x.mT) / 2).eigenvectors\nv[:, :1] @ v[:, :1].mT",
            {"x": [[3.0, 2.0], [2.0, 0.0]]},
            exact=lambda x: _projection((x + x.T) / 2, smallest=True),
            cotangent=[[1.0, 2.0], [3.0, 4.0]],
        ),
        aspect="reverse",
        verdict="agrees",
        torch=[[0.432, -0.324], [-0.324, -0.432]],
        jax=[[0.432, -0.324], [-0.324, -0.432]],
        left=[[0.432, -0.324], [-0.324, -0.432]],
        reason="An eigenvector is determined up to a sign (a complex one up to a phase), which each library chooses, "
        "and neither is wrong. To compare, take what no choice changes.",
        torch_rule="Eigenvectors are not unique; the loss shall not depend on their phase.",
        links=(torch_reference("torch.linalg.eigh"), jax_reference("jax.numpy.linalg.eigh")),
    ),
    Convention(
        id="projection-on-a-singular-vector",
        title="The projection on a singular vector has one gradient in both, whatever its sign.",
        point=Point(
            "u = torch.linalg.svd(x).U\nu[:, :1] @ u[:, :1].mT",
            "u = jnp.linalg.svd(x)[0]\nu[:, :1] @ u[:, :1].mT",
            {"x": [[3.0, 0.0], [4.0, 5.0]]},
            exact=lambda x: _projection(x @ x.T, smallest=False),
            cotangent=[[1.0, 2.0], [3.0, 4.0]],
        ),
        aspect="reverse",
        verdict="agrees",
        torch=[[0.275, 0.22], [0.0, -0.165]],
        jax=[[0.275, 0.22], [0.0, -0.165]],
        left=[[0.275, 0.22], [0.0, -0.165]],
        reason="Singular vectors are determined up to a sign (complex ones up to a phase), which each library chooses, "
        "and neither is wrong. To compare, take what no choice changes.",
        torch_rule="Singular vectors are not unique; the loss shall not depend on their phase.",
        links=(torch_reference("torch.linalg.svd"), jax_reference("jax.numpy.linalg.svd")),
    ),
    Convention(
        id="eigenvectors-of-equal-eigenvalues",
        title="The gradient of eigenvectors of equal eigenvalues is nan in both.",
        point=Point(
            "torch.linalg.eigh(x).eigenvectors",
            "jnp.linalg.eigh(x)[1]",
            {"x": IDENTITY},
            cotangent=[[1.0, 2.0], [3.0, 4.0]],
        ),
        aspect="reverse",
        verdict="agrees",
        torch=[[NAN, NAN], [NAN, NAN]],
        jax=[[NAN, NAN], [NAN, NAN]],
        reason="Both divide by the differences of eigenvalues. The vectors are not determined, so there is no answer.",
        links=(torch_reference("torch.linalg.eigh"), jax_reference("jax.numpy.linalg.eigh")),
    ),
    Convention(
        id="singular-values-that-are-equal",
        title="The gradients of equal singular values are finite and the same in both.",
        point=Point(
            "torch.linalg.svdvals(x)", "jnp.linalg.svd(x, compute_uv=False)", {"x": IDENTITY}, cotangent=[1.0, 10.0]
        ),
        aspect="reverse",
        verdict="agrees",
        torch=[[1.0, 0.0], [0.0, 10.0]],
        jax=[[1.0, 0.0], [0.0, 10.0]],
        reason="A singular value needs no quotient of differences.",
    ),
    Convention(
        id="singular-vectors-of-equal-values",
        title="The gradient of singular vectors of equal values is nan in both.",
        point=Point(
            "torch.linalg.svd(x).U", "jnp.linalg.svd(x)[0]", {"x": IDENTITY}, cotangent=[[1.0, 2.0], [3.0, 4.0]]
        ),
        aspect="reverse",
        verdict="agrees",
        torch=[[NAN, NAN], [NAN, NAN]],
        jax=[[NAN, NAN], [NAN, NAN]],
        reason="Both divide by the differences of squared singular values.",
        links=(torch_reference("torch.linalg.svd"), jax_reference("jax.numpy.linalg.svd")),
    ),
    Convention(
        id="cholesky-of-a-symmetric-matrix",
        title="The gradient of Cholesky is spread over both triangles in both.",
        point=Point("torch.linalg.cholesky(x)", "jnp.linalg.cholesky(x)", {"x": [[4.0, 2.0], [2.0, 5.0]]}),
        aspect="reverse",
        verdict="agrees",
        torch=[[0.1875, 0.125], [0.125, 0.25]],
        jax=[[0.1875, 0.125], [0.125, 0.25]],
        reason="Although PyTorch reads one triangle only, its gradient treats both alike.",
    ),
    Convention(
        id="pseudoinverse-of-the-zero-matrix",
        title="The pseudoinverse of the zero matrix has the gradient zero in both.",
        point=Point("torch.linalg.pinv(x)", "jnp.linalg.pinv(x)", {"x": [[0.0, 0.0], [0.0, 0.0]]}),
        aspect="reverse",
        verdict="agrees",
        torch=[[0.0, 0.0], [0.0, 0.0]],
        jax=[[0.0, 0.0], [0.0, 0.0]],
        reason="Both differentiate at fixed rank, where the formula is a product with the pseudoinverse.",
    ),
    Convention(
        id="exponential-of-the-zero-matrix",
        title="The gradient of the exponential of the zero matrix is that of the identity in both.",
        point=Point(
            "torch.linalg.matrix_exp(x)",
            "jax.scipy.linalg.expm(x)",
            {"x": [[0.0, 0.0], [0.0, 0.0]]},
            cotangent=[[1.0, 2.0], [3.0, 4.0]],
        ),
        aspect="reverse",
        verdict="agrees",
        torch=[[1.0, 2.0], [3.0, 4.0]],
        jax=[[1.0, 2.0], [3.0, 4.0]],
        reason="To first order it is the identity plus the matrix.",
    ),
    Convention(
        id="zeroth-power-of-a-matrix",
        title="The zeroth power of a matrix passes zeros in both.",
        point=Point(
            "torch.linalg.matrix_power(x, 0) + 0 * x",
            "jnp.linalg.matrix_power(x, 0) + 0 * x",
            {"x": [[2.0, 1.0], [0.5, 3.0]]},
        ),
        aspect="reverse",
        verdict="agrees",
        torch=[[0.0, 0.0], [0.0, 0.0]],
        jax=[[0.0, 0.0], [0.0, 0.0]],
        reason="It is the identity, whatever the matrix.",
    ),
)
