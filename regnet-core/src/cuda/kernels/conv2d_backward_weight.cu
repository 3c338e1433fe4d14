// partials[split] = dy * transpose(x) over a split of the pixels of all images, which are the terms here; rows are a group's
// output channels, columns (input channel, tap). Sums of fixed order: the same result in every run.
// Grid: tiles of columns, tiles of rows of all groups, splits of `terms` pixels each.
extern "C" __global__ void __launch_bounds__(THREADS)
    conv2d_backward_weight(int batch, int terms, const REAL* x, const REAL* dy, REAL* partials) {
    __shared__ __align__(4 * sizeof(REAL)) Left outputs;
    __shared__ Right inputs;
    const int tiles = (GROUP_OUT + ROWS - 1) / ROWS;
    const int group = blockIdx.y / tiles, first_out = blockIdx.y % tiles * ROWS, first_column = blockIdx.x * COLUMNS;
    const size_t all = (size_t)batch * OUT_PIXELS, begin = (size_t)blockIdx.z * terms;
    const size_t end = begin + terms < all ? begin + terms : all;
    // A thread gathers one pixel of every slice.
    const int k = threadIdx.x % SLICE;
    Sums sums = {};
    for (size_t start = begin; start < end; start += SLICE) {
        const bool there = start + k < end;
        const size_t image = (start + k) / OUT_PIXELS;
        const int pixel = (start + k) % OUT_PIXELS;
        const int top = pixel / OUT_WIDTH * STRIDE - PADDING, left = pixel % OUT_WIDTH * STRIDE - PADDING;
        const REAL* of_dy = dy + (image * OUT_OF + (size_t)group * GROUP_OUT) * OUT_PIXELS + pixel;
        const REAL* of_x = x + (image * IN_OF + (size_t)group * GROUP_IN) * PIXELS;
        for (int m = threadIdx.x / SLICE; m < ROWS; m += THREADS / SLICE) {
            const bool inside = there && first_out + m < GROUP_OUT;
            outputs.at[k][m] = inside ? of_dy[(size_t)(first_out + m) * OUT_PIXELS] : REAL(0);
        }
        for (int n = threadIdx.x / SLICE; n < COLUMNS; n += THREADS / SLICE) {
            const int column = first_column + n, channel = column / TAPS, tap = column % TAPS;
            const int row = top + tap / KERNEL, at = left + tap % KERNEL;
            const bool inside = there && column < DEPTH && row >= 0 && row < HEIGHT && at >= 0 && at < WIDTH;
            inputs.at[k][n] = inside ? of_x[(size_t)channel * PIXELS + row * WIDTH + at] : REAL(0);
        }
        __syncthreads();
        multiply(outputs, inputs, sums);
        __syncthreads();
    }
    const int row = first_out + warp_row();
    REAL* into = partials + ((size_t)blockIdx.z * GROUPS + group) * GROUP_OUT * DEPTH;
#pragma unroll
    for (int j = 0; j < TILE_COLUMNS; j++) {
        const int column = first_column + lane_column(j);
        if (column >= DEPTH) continue;
#pragma unroll
        for (int i = 0; i < TILE_ROWS; i++)
            if (row + i < GROUP_OUT) into[(size_t)(row + i) * DEPTH + column] = sums.at[i][j];
    }
}
