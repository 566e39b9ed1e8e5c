// A checkpoint put together from other files: canonical tensors that are views into a mapping where the stored bytes
// can be used, and made in memory of their own, when first asked for, where they cannot.
#pragma once

#include "io/checkpoint.h"
#include "io/page-memory.h"
#include "io/stored-files.h"

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace kstt {

class composed_checkpoint final : public checkpoint {
  public:
    // `files` holds everything that the tensors are made of; `origin` names the checkpoint in errors.
    composed_checkpoint(std::string origin, std::shared_ptr<const stored_files> files);

    // Row r of the tensor is row `order(r)` of `rows`; without an order, all of them as they are.
    using row_order = std::function<int64_t(int64_t)>;
    void add(const std::string &          name,
             const std::vector<int64_t> & shape,
             const stored_rows &          rows,
             const row_order &            order = nullptr);

    // One part after the other.
    void add_joined(const std::string &              name,
                    const std::vector<int64_t> &     shape,
                    const std::vector<stored_rows> & parts);

    // Written by `make`, from what is in `sources`.
    using make_function = std::function<void(uint8_t * out)>;
    void add_made(const std::string &          name,
                  element_type                 type,
                  const std::vector<int64_t> & shape,
                  std::vector<tensor_view>     sources,
                  make_function                make);

    // Once, after the last add and before anything else: takes address space for the tensors to be made.
    void seal();

    const tensor_view *              find(const std::string & name) const override;
    const tensor_view &              get(const std::string & name, const std::vector<int64_t> & shape) const override;
    const std::vector<tensor_view> & tensors() const override { return tensors_; }
    std::vector<std::string>         files() const override { return files_->paths(); }
    std::vector<region>              regions() const override;
    void                             release(const tensor_view & tensor) const override;
    uint8_t *                        spare(const tensor_view & tensor) const override;

  private:
    struct recipe {
        std::vector<tensor_view> sources;
        make_function            make;  // empty: a view
        bool                     is_made = false;
    };

    tensor_view & declare(const std::string & name, element_type type, const std::vector<int64_t> & shape);
    void          make(size_t index) const;

    std::string                             origin_;
    std::shared_ptr<const stored_files>     files_;
    std::vector<tensor_view>                tensors_;
    mutable std::vector<recipe>             recipes_;  // by tensor; loading is the business of one thread
    std::unordered_map<std::string, size_t> index_;
    page_memory                             arena_;  // of the made tensors
};

}  // namespace kstt
