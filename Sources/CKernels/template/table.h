// The table of one scalar type's kernels, in the order of the fields (whose names the templates use as macros).

const bertconv_kernels NAME(TABLE) = {
    VARIANT,    sizeof(SCALAR), TILE_ROWS, PANEL,       pack_rows, pack_columns, pack_left, unpack_row,
    multiply,   activate,       add,       add_strided, pool,      add_products, add_scaled,
    norm,       softmax,        sinusoids, add_by_type,
};
