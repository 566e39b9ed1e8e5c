// clang 19 calls a main with arguments by another name than Emscripten 3.1.6 looks for.
extern "C" int __main_argc_argv(int argc, char ** argv);

int call_main(int argc, char ** argv) __asm__("main");

int call_main(int argc, char ** argv) {
    return __main_argc_argv(argc, argv);
}
