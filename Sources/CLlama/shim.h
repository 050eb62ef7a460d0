#include <llama.h>
#include <ggml.h>
#include <ggml-cpu.h>
#include <gguf.h>
#include <mtmd.h>
#include <mtmd-helper.h>
