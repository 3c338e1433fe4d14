// Stochastic gradient descent on many tensors at once: a block to each row of a table, which names a run of elements.
// The columns: where the parameters, the gradients and the velocities of the run lie, how many there are, whether they decay.

#define COLUMNS 5

// With g = gradient + decay parameter: velocity = momentum velocity + g, parameter -= rate velocity, or with Nesterov's form
// parameter -= rate (g + momentum velocity). The gradient is zero for the next step.
extern "C" __global__ void sgd(const unsigned long long* table, REAL rate, REAL momentum, REAL decay, int nesterov) {
    const unsigned long long* row = table + (size_t)blockIdx.x * COLUMNS;
    REAL* parameter = (REAL*)row[0];
    REAL* gradient = (REAL*)row[1];
    REAL* velocity = (REAL*)row[2];
    const int count = row[3];
    const bool decays = row[4] != 0;
    for (int i = threadIdx.x; i < count; i += blockDim.x) {
        const REAL p = parameter[i];
        const REAL g = decays ? gradient[i] + decay * p : gradient[i];
        const REAL v = g + momentum * velocity[i];
        velocity[i] = v;
        parameter[i] = p - (nesterov ? g + momentum * v : v) * rate;
        gradient[i] = 0;
    }
}
