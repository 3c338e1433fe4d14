// y = w * x, or y += w * x. Rows are a group's output channels, columns the pixels of all images, terms (channel, tap).
// Grid: tiles of columns, tiles of rows, groups.
extern "C" __global__ void __launch_bounds__(THREADS)
    conv2d_forward(int batch, int add, const REAL* x, const REAL* w, REAL* y) {
    __shared__ __align__(4 * sizeof(REAL)) Left weights;
    __shared__ Right pixels;
    const int group = blockIdx.z, first_out = blockIdx.y * ROWS;
    const size_t all = (size_t)batch * OUT_PIXELS, first = (size_t)blockIdx.x * COLUMNS;
    const REAL* kernels = w + (size_t)group * GROUP_OUT * DEPTH;
    // A thread gathers the columns that it sums up.
    const REAL* from[TILE_COLUMNS];
    int top[TILE_COLUMNS], left[TILE_COLUMNS];
#pragma unroll
    for (int j = 0; j < TILE_COLUMNS; j++) {
        const size_t at = first + lane_column(j);
        const int pixel = at % OUT_PIXELS;
        // Rows that are outside in all taps stand for columns behind the last.
        top[j] = at < all ? pixel / OUT_WIDTH * STRIDE - PADDING : HEIGHT;
        left[j] = pixel % OUT_WIDTH * STRIDE - PADDING;
        from[j] = x + (at / OUT_PIXELS * IN_OF + (size_t)group * GROUP_IN) * PIXELS;
    }
    Sums sums = {};
    for (int start = 0; start < DEPTH; start += SLICE) {
        for (int i = threadIdx.x; i < SLICE * ROWS; i += THREADS) {
            const int k = i % SLICE, m = i / SLICE, out = first_out + m;
            const bool inside = out < GROUP_OUT && start + k < DEPTH;
            weights.at[k][m] = inside ? kernels[(size_t)out * DEPTH + start + k] : REAL(0);
        }
        for (int k = threadIdx.x / WARP; k < SLICE; k += WARPS) {
            const int term = start + k, channel = term / TAPS, tap = term % TAPS;
#pragma unroll
            for (int j = 0; j < TILE_COLUMNS; j++) {
                const int row = top[j] + tap / KERNEL, at = left[j] + tap % KERNEL;
                const bool inside = term < DEPTH && row >= 0 && row < HEIGHT && at >= 0 && at < WIDTH;
                pixels.at[k][lane_column(j)] =
                    inside ? from[j][(size_t)channel * PIXELS + row * WIDTH + at] : REAL(0);
            }
        }
        __syncthreads();
        multiply(weights, pixels, sums);
        __syncthreads();
    }
    const int row = first_out + warp_row();
#pragma unroll
    for (int j = 0; j < TILE_COLUMNS; j++) {
        const size_t at = first + lane_column(j);
        if (at >= all) continue;
        REAL* into = y + (at / OUT_PIXELS * OUT_OF + (size_t)group * GROUP_OUT) * OUT_PIXELS + at % OUT_PIXELS;
#pragma unroll
        for (int i = 0; i < TILE_ROWS; i++) {
            if (row + i >= GROUP_OUT) continue;
            REAL* place = into + (size_t)(row + i) * OUT_PIXELS;
            *place = add ? *place + sums.at[i][j] : sums.at[i][j];
        }
    }
}
