/* NVIDIA's driver, looked for when a program starts instead of when it is linked.

   A program linked with libcuda.so does not even start where there is no driver. One linked with this does, and every call of the
   driver's then says CUDA_ERROR_STUB_LIBRARY. `assemble` writes symbols.h: one FORWARD(name) for each function. */

#include <dlfcn.h>
#include <stddef.h>

/* CUDA_ERROR_STUB_LIBRARY */
static int no_driver(void) {
    return 34;
}

/* Arguments stay in their registers and on the stack: the function's own address is jumped to. */
#if defined(__x86_64__)
#define JUMP(name) "jmp *" #name "_address(%rip)\n"
#elif defined(__aarch64__)
#define JUMP(name)                                                                                                     \
    "adrp x16, " #name "_address\n"                                                                                    \
    "ldr x16, [x16, :lo12:" #name "_address]\n"                                                                        \
    "br x16\n"
#else
#error "only x86-64 and AArch64 have CUDA's driver"
#endif

#define FORWARD(name)                                                                                                  \
    __attribute__((visibility("hidden"))) void* name##_address = (void*)no_driver;                                     \
    __asm__(".text\n.globl " #name "\n.type " #name ", @function\n" #name ":\n" JUMP(name));
#include "symbols.h"
#undef FORWARD

__attribute__((constructor)) static void find_driver(void) {
    void* driver = dlopen("libcuda.so.1", RTLD_NOW);
    if (driver == NULL) return;
    void* function;
#define FORWARD(name)                                                                                                  \
    function = dlsym(driver, #name);                                                                                   \
    if (function != NULL) name##_address = function;
#include "symbols.h"
}
