// What all kernels share. REAL is the element type, float or double; every other name in capitals is a constant that
// the host gives, so that the compiler turns divisions by sizes into multiplications and unrolls the loops over taps.

#define WARP 32

// The sum over the block's threads of each of two numbers, for thread 0. The block is a whole number of warps.
struct Pair {
    REAL a, b;
};

__device__ inline Pair block_sum(Pair sum) {
    __shared__ REAL first[WARP], second[WARP];
    for (int apart = WARP / 2; apart > 0; apart /= 2) {
        sum.a += __shfl_down_sync(0xffffffff, sum.a, apart);
        sum.b += __shfl_down_sync(0xffffffff, sum.b, apart);
    }
    const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
    if (lane == 0) {
        first[warp] = sum.a;
        second[warp] = sum.b;
    }
    __syncthreads();
    if (threadIdx.x == 0) {
        for (int other = 1; other < blockDim.x / WARP; other++) {
            sum.a += first[other];
            sum.b += second[other];
        }
    }
    // The next sum of the same block may not overwrite what is still being read.
    __syncthreads();
    return sum;
}

// Where a thread starts and how far it steps when a grid of threads shares out `count` elements.
#define FOR_EACH(index, count)                                                                                         \
    for (size_t index = (size_t)blockIdx.x * blockDim.x + threadIdx.x; index < (count);                                \
         index += (size_t)gridDim.x * blockDim.x)

__device__ inline REAL sigmoid(REAL x) {
    return REAL(1) / (REAL(1) + exp(-x));
}

// max(x, 0); not a number stays what it is, so that training that diverges is noticed.
__device__ inline REAL rectified(REAL x) {
    return x <= 0 ? REAL(0) : x;
}

// What of the gradient of rectified(x), which was y, reaches x.
__device__ inline REAL through_relu(REAL y, REAL dy) {
    return y <= 0 ? REAL(0) : dy;
}
