// Loops over elements.

extern "C" __global__ void relu(size_t count, const REAL* x, REAL* y) {
    FOR_EACH(i, count) y[i] = rectified(x[i]);
}

extern "C" __global__ void relu_backward(size_t count, const REAL* y, const REAL* dy, REAL* dx) {
    FOR_EACH(i, count) dx[i] += through_relu(y[i], dy[i]);
}

// into += the sum over `splits` of partials, each `count` long.
extern "C" __global__ void add_partials(size_t count, int splits, const REAL* partials, REAL* into) {
    FOR_EACH(i, count) {
        REAL sum = 0;
        for (int split = 0; split < splits; split++) sum += partials[split * count + i];
        into[i] += sum;
    }
}

// y[row][i] = bias[i], to which a matrix product is then added.
extern "C" __global__ void spread_bias(size_t rows, int width, const REAL* bias, REAL* y) {
    FOR_EACH(i, rows * width) y[i] = bias[i % width];
}

// dbias[i] += sum over rows of dy.
extern "C" __global__ void add_rows(int rows, int width, const REAL* dy, REAL* dbias) {
    FOR_EACH(i, width) {
        REAL sum = 0;
        for (int row = 0; row < rows; row++) sum += dy[(size_t)row * width + i];
        dbias[i] += sum;
    }
}

// Adds a dense matrix of rows of `width` to columns of one whose rows are `pitch` apart.
extern "C" __global__ void add_columns(size_t count, int width, int pitch, const REAL* from, REAL* into) {
    FOR_EACH(i, count) into[i / width * pitch + i % width] += from[i];
}
