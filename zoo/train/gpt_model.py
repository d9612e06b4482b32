"""A small GPT-2: same mathematics, same tensor names and layouts as the GPT-2 checkpoints people share."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

LAYERS = 4
HEADS = 4
CONTEXT = 128
INIT_STD = 0.02


class Conv1D(nn.Module):
    """A linear layer whose weight is stored [in, out], as GPT-2 does."""

    def __init__(self, inputs: int, outputs: int, std: float = INIT_STD) -> None:
        """Gaussian weights of the given spread, zero bias."""
        super().__init__()
        self.weight = nn.Parameter(torch.randn(inputs, outputs) * std)
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """X @ W + b."""
        return torch.addmm(self.bias, x.reshape(-1, x.shape[-1]), self.weight).view(*x.shape[:-1], -1)


class Attention(nn.Module):
    """Causal self-attention with q, k and v fused in `c_attn`."""

    def __init__(self, width: int) -> None:
        """`width` is a multiple of the number of heads."""
        super().__init__()
        self.c_attn = Conv1D(width, 3 * width)
        self.c_proj = Conv1D(width, width, INIT_STD / math.sqrt(2 * LAYERS))

    def forward(self, x: Tensor) -> Tensor:
        """Mix the positions up to each one."""
        batch, time, width = x.shape
        fused = self.c_attn(x).view(batch, time, 3, HEADS, width // HEADS)
        q, k, v = fused.permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.c_proj(mixed.transpose(1, 2).reshape(batch, time, width))  # type: ignore[no-any-return]


class Mlp(nn.Module):
    """Up by four, GELU (tanh form), down again."""

    def __init__(self, width: int) -> None:
        """`width` in and out."""
        super().__init__()
        self.c_fc = Conv1D(width, 4 * width)
        self.c_proj = Conv1D(4 * width, width, INIT_STD / math.sqrt(2 * LAYERS))

    def forward(self, x: Tensor) -> Tensor:
        """Each position by itself."""
        return self.c_proj(functional.gelu(self.c_fc(x), approximate="tanh"))  # type: ignore[no-any-return]


class Block(nn.Module):
    """Pre-norm attention and MLP, each added to the stream."""

    def __init__(self, width: int) -> None:
        """One of the identical layers."""
        super().__init__()
        self.ln_1 = nn.LayerNorm(width)
        self.attn = Attention(width)
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = Mlp(width)

    def forward(self, x: Tensor) -> Tensor:
        """Add what attention and MLP find."""
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))  # type: ignore[no-any-return]


class Transformer(nn.Module):
    """Embeddings, blocks, final norm; the output matrix is the token embedding itself (tied, stored once)."""

    def __init__(self, vocabulary: int, width: int) -> None:
        """Embeddings start as N(0, 0.02), as in GPT-2."""
        super().__init__()
        self.wte = nn.Embedding(vocabulary, width)
        self.wpe = nn.Embedding(CONTEXT, width)
        self.h = nn.ModuleList(Block(width) for _ in range(LAYERS))
        self.ln_f = nn.LayerNorm(width)
        for table in (self.wte, self.wpe):
            nn.init.normal_(table.weight, std=INIT_STD)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits of the next token at every position."""
        x = self.wte(tokens) + self.wpe.weight[: tokens.shape[1]]
        for block in self.h:
            x = block(x)
        return functional.linear(self.ln_f(x), self.wte.weight)


class Gpt(nn.Module):
    """Holds the transformer under the name that GPT-2 checkpoints use."""

    def __init__(self, vocabulary: int, width: int) -> None:
        """All sizes but the width are constants of this module."""
        super().__init__()
        self.transformer = Transformer(vocabulary, width)

    def loss(self, tokens: Tensor) -> Tensor:
        """Mean cross-entropy in nats of predicting tokens[:, 1:] from what comes before."""
        logits = self.transformer(tokens[:, :-1])
        return functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
