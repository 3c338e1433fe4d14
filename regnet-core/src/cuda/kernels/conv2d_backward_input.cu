// dx += transpose(w) * dy. Rows are a group's input channels, columns input pixels of one residue by the stride in each
// direction, which the same taps reach, terms (output channel, tap).
// Grid: tiles of columns, tiles of rows, groups times STRIDE * STRIDE residues.
extern "C" __global__ void __launch_bounds__(THREADS)
    conv2d_backward_input(int batch, const REAL* w, const REAL* dy, REAL* dx) {
    __shared__ __align__(4 * sizeof(REAL)) Left weights;
    __shared__ Right pixels;
    const int group = blockIdx.z / (STRIDE * STRIDE), residue = blockIdx.z % (STRIDE * STRIDE);
    const int first_in = blockIdx.y * ROWS;
    const int below = residue / STRIDE, right = residue % STRIDE;
    const int height = (HEIGHT - below + STRIDE - 1) / STRIDE, width = (WIDTH - right + STRIDE - 1) / STRIDE;
    const size_t all = (size_t)batch * height * width, first = (size_t)blockIdx.x * COLUMNS;
    // Taps that reach these pixels: first, first + STRIDE, ...
    const int first_row = (below + PADDING) % STRIDE, first_at = (right + PADDING) % STRIDE;
    const int tap_rows = (KERNEL - first_row + STRIDE - 1) / STRIDE, tap_ats = (KERNEL - first_at + STRIDE - 1) / STRIDE;
    const int taps = tap_rows * tap_ats, depth = GROUP_OUT * taps;
    if (first >= all || taps == 0) return;
    const REAL* kernels = w + (size_t)group * GROUP_OUT * DEPTH;
    const REAL* from[TILE_COLUMNS];
    // Of the output pixel that the first tap reads.
    int bottom[TILE_COLUMNS], end[TILE_COLUMNS];
#pragma unroll
    for (int j = 0; j < TILE_COLUMNS; j++) {
        const size_t at = first + lane_column(j);
        const int pixel = at % (height * width);
        bottom[j] = at < all ? (pixel / width * STRIDE + below + PADDING - first_row) / STRIDE : -1;
        end[j] = (pixel % width * STRIDE + right + PADDING - first_at) / STRIDE;
        from[j] = dy + (at / (height * width) * OUT_OF + (size_t)group * GROUP_OUT) * OUT_PIXELS;
    }
    Sums sums = {};
    for (int start = 0; start < depth; start += SLICE) {
        for (int i = threadIdx.x; i < SLICE * ROWS; i += THREADS) {
            const int k = i % SLICE, m = i / SLICE, term = start + k, in = first_in + m;
            const int out = term / taps, tap = term % taps;
            const int row = first_row + tap / tap_ats * STRIDE, at = first_at + tap % tap_ats * STRIDE;
            const bool inside = in < GROUP_IN && term < depth;
            weights.at[k][m] = inside ? kernels[(size_t)out * DEPTH + in * TAPS + row * KERNEL + at] : REAL(0);
        }
        for (int k = threadIdx.x / WARP; k < SLICE; k += WARPS) {
            const int term = start + k, out = term / taps, tap = term % taps;
#pragma unroll
            for (int j = 0; j < TILE_COLUMNS; j++) {
                const int row = bottom[j] - tap / tap_ats, at = end[j] - tap % tap_ats;
                const bool inside = term < depth && row >= 0 && row < OUT_HEIGHT && at >= 0 && at < OUT_WIDTH;
                pixels.at[k][lane_column(j)] =
                    inside ? from[j][(size_t)out * OUT_PIXELS + row * OUT_WIDTH + at] : REAL(0);
            }
        }
        __syncthreads();
        multiply(weights, pixels, sums);
        __syncthreads();
    }
    const int row = first_in + warp_row();
#pragma unroll
    for (int j = 0; j < TILE_COLUMNS; j++) {
        const size_t at = first + lane_column(j);
        if (at >= all) continue;
        const int within = at % (height * width);
        const int place = (within / width * STRIDE + below) * WIDTH + within % width * STRIDE + right;
        REAL* into = dx + (at / (height * width) * IN_OF + (size_t)group * GROUP_IN) * PIXELS + place;
#pragma unroll
        for (int i = 0; i < TILE_ROWS; i++)
            if (row + i < GROUP_IN) into[(size_t)(row + i) * PIXELS] += sums.at[i][j];
    }
}
