// What CUDA C++ gives a kernel, for one thread of a host: a block's threads are contexts that take turns, and a barrier is where
// they change places. Stands before a kernel's own text; ENTRY is its name.

#include <cmath>
#include <cstddef>
#include <cstring>
#include <utility>
#include <vector>

#include <ucontext.h>

using namespace std;

#define __global__
#define __device__
#define __shared__ static
#define __align__(bytes) __attribute__((aligned(bytes)))
#define __launch_bounds__(threads)

struct Index {
    unsigned x, y, z;
};

static Index threadIdx, blockIdx, blockDim, gridDim;

namespace emulator {

const size_t STACK = 64 * 1024;

struct Thread {
    ucontext_t context;
    vector<char> stack;
    bool done;
};

static vector<Thread> threads;
static ucontext_t scheduler;
static unsigned current;
static void** arguments;
// What each thread shows the others of its warp.
static vector<double> shown;

static void barrier() {
    swapcontext(&threads[current].context, &scheduler);
}

template <class T>
static T shuffle_down(T value, unsigned apart) {
    const unsigned lane = threadIdx.x % 32;
    shown[threadIdx.x] = value;
    barrier();
    const T seen = lane + apart < 32 ? T(shown[threadIdx.x + apart]) : value;
    barrier();
    return seen;
}

}  // namespace emulator

static int __float_as_int(float x) {
    int bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static long long __double_as_longlong(double x) {
    long long bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

#define __syncthreads() emulator::barrier()
#define __shfl_down_sync(mask, value, apart) emulator::shuffle_down(value, apart)
