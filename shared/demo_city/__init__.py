"""The demo city Musterstadt: one synthetic municipality that all apps share, and its renderer."""
