// Stands behind a kernel's text.

namespace emulator {

template <class... A, size_t... I>
static void call(void (*kernel)(A...), index_sequence<I...>) {
    kernel(*static_cast<A*>(arguments[I])...);
}

template <class... A>
static void call(void (*kernel)(A...)) {
    call(kernel, index_sequence_for<A...>());
}

static void run() {
    call(ENTRY);
    threads[current].done = true;
}

// Whether all threads came to the same barriers.
static bool run_block() {
    for (Thread& thread : threads) {
        getcontext(&thread.context);
        thread.context.uc_stack.ss_sp = thread.stack.data();
        thread.context.uc_stack.ss_size = thread.stack.size();
        thread.context.uc_link = &scheduler;
        makecontext(&thread.context, run, 0);
        thread.done = false;
    }
    while (true) {
        unsigned done = 0;
        for (current = 0; current < threads.size(); current++) {
            threadIdx = {current, 0, 0};
            swapcontext(&scheduler, &threads[current].context);
            done += threads[current].done;
        }
        if (done > 0) return done == threads.size();
    }
}

}  // namespace emulator

extern "C" int launch(const unsigned* blocks, unsigned count, void** arguments) {
    emulator::threads.resize(count);
    for (emulator::Thread& thread : emulator::threads) thread.stack.resize(emulator::STACK);
    emulator::shown.resize(count);
    emulator::arguments = arguments;
    gridDim = {blocks[0], blocks[1], blocks[2]};
    blockDim = {count, 1, 1};
    for (unsigned z = 0; z < gridDim.z; z++)
        for (unsigned y = 0; y < gridDim.y; y++)
            for (unsigned x = 0; x < gridDim.x; x++) {
                blockIdx = {x, y, z};
                if (!emulator::run_block()) return 0;
            }
    return 1;
}
