// A folder to write into. One that had to be made goes away again, with the folders above that had to be made, unless
// something is kept in it.
#pragma once

#include <string>
#include <vector>

namespace kstt {

class output_folder {
  public:
    // Throws INVALID_ARGUMENT (an empty path), FILE_ACCESS (cannot be made, or there is a file of that name).
    explicit output_folder(const std::string & path);
    // Removes what it made and what is empty still.
    ~output_folder();

    output_folder(const output_folder &)             = delete;
    output_folder & operator=(const output_folder &) = delete;

    const std::string & path() const { return path_; }

  private:
    std::string              path_;
    std::vector<std::string> made_;  // outermost first
};

}  // namespace kstt
