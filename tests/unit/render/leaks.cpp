#if defined(__SANITIZE_ADDRESS__)
// Fontconfig keeps what it read of its configuration for the life of the process, and forgets where. It does not grow.
extern "C" const char* __lsan_default_suppressions() { return "leak:libfontconfig"; }
#endif
