// Label-smoothed cross-entropy: a block to each image. Constant: CLASSES.

// The larger of what each thread holds, for all threads.
__device__ inline REAL block_largest(REAL value) {
    __shared__ REAL largest[WARP];
    for (int apart = WARP / 2; apart > 0; apart /= 2) {
        const REAL other = __shfl_down_sync(0xffffffff, value, apart);
        value = other > value ? other : value;
    }
    if (threadIdx.x % WARP == 0) largest[threadIdx.x / WARP] = value;
    __syncthreads();
    value = largest[0];
    for (int warp = 1; warp < blockDim.x / WARP; warp++) value = largest[warp] > value ? largest[warp] : value;
    return value;
}

// The logarithm of the sum of exponentials, for all threads; and the sum of the logits.
struct Normaliser {
    REAL log, logits;
};

__device__ inline Normaliser normaliser(const REAL* logits) {
    __shared__ REAL log_sum, sum_of_logits;
    REAL largest = logits[0];
    for (int i = threadIdx.x; i < CLASSES; i += blockDim.x) largest = logits[i] > largest ? logits[i] : largest;
    largest = block_largest(largest);
    Pair sum = {0, 0};
    for (int i = threadIdx.x; i < CLASSES; i += blockDim.x) {
        sum.a += exp(logits[i] - largest);
        sum.b += logits[i];
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) {
        log_sum = largest + log(sum.a);
        sum_of_logits = sum.b;
    }
    __syncthreads();
    return Normaliser{log_sum, sum_of_logits};
}

// losses[image]; not a number where the label is no class.
extern "C" __global__ void cross_entropy_losses(REAL smoothing, const REAL* logits, const unsigned long long* labels,
                                                REAL* losses) {
    const REAL* row = logits + (size_t)blockIdx.x * CLASSES;
    const unsigned long long label = labels[blockIdx.x];
    const Normaliser of = normaliser(row);
    if (threadIdx.x == 0) {
        // Written with what differs from the normaliser, so that large logits cancel first.
        const REAL spread = of.log - of.logits / CLASSES;
        const REAL hit = label < CLASSES ? of.log - row[label] : REAL(0) / REAL(0);
        losses[blockIdx.x] = (1 - smoothing) * hit + smoothing * spread;
    }
}

// loss = the mean of `batch` losses, by one block.
extern "C" __global__ void mean_loss(int batch, const REAL* losses, REAL* loss) {
    Pair sum = {0, 0};
    for (int i = threadIdx.x; i < batch; i += blockDim.x) sum.a += losses[i];
    sum = block_sum(sum);
    if (threadIdx.x == 0) *loss = sum.a / batch;
}

// dlogits += dloss (softmax - target) / batch.
extern "C" __global__ void cross_entropy_backward(int batch, REAL smoothing, const REAL* logits,
                                                  const unsigned long long* labels, const REAL* dloss,
                                                  REAL* dlogits) {
    const size_t first = (size_t)blockIdx.x * CLASSES;
    const Normaliser of = normaliser(logits + first);
    const REAL scale = *dloss / batch;
    for (int i = threadIdx.x; i < CLASSES; i += blockDim.x) {
        const REAL target = (i == labels[blockIdx.x] ? 1 - smoothing : REAL(0)) + smoothing / CLASSES;
        dlogits[first + i] += scale * (exp(logits[first + i] - of.log) - target);
    }
}
