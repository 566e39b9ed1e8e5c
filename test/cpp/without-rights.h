// Runs something as a user who may not read: root reads anything, so a child process gives its rights up first.
#pragma once

#if !defined(_WIN32)

#    include "runtime/error.h"

#    include <cstring>
#    include <functional>
#    include <sys/wait.h>
#    include <unistd.h>

// True if `body` throws FILE_ACCESS and its message speaks of permission.
inline bool fails_with_access_error(const std::function<void()> & body) {
    const pid_t child = fork();
    if (child == 0) {
        constexpr uid_t nobody = 65534;
        if (geteuid() == 0 && (setgid(nobody) != 0 || setuid(nobody) != 0)) {
            _exit(2);
        }
        try {
            body();
        } catch (const kstt::error & e) {
            _exit(e.status() == KSTT_STATUS_FILE_ACCESS && std::strstr(e.what(), "permission") != nullptr ? 0 : 3);
        }
        _exit(4);
    }
    int status = -1;
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

#endif
