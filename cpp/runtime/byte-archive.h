// Values to bytes and back, for snapshots: one function per class lists its fields for both directions. Bytes are in
// the processor's order, which is little-endian on every platform this library runs on.
#pragma once

#include "runtime/error.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace kstt {

template <typename Derived>
class byte_archive {
  public:
    template <typename... T>
    void operator()(T &... values) {
        (one(values), ...);
    }

  private:
    byte_archive() = default;
    friend Derived;

    template <typename T, typename = void>
    struct has_fields : std::false_type {};
    template <typename T>
    struct has_fields<T, std::void_t<decltype(std::declval<T &>().archive(std::declval<Derived &>()))>>
        : std::true_type {};

    Derived & self() { return static_cast<Derived &>(*this); }

    template <typename T>
    void one(T & value) {
        if constexpr (has_fields<T>::value) {
            value.archive(self());
        } else {
            static_assert(std::is_arithmetic_v<T> || std::is_enum_v<T>, "give the class an archive function");
            self().raw(&value, sizeof(T));
        }
    }

    void one(std::string & text) { items(text); }
    template <typename T>
    void one(std::vector<T> & values) {
        items(values);
    }
    template <typename T>
    void one(std::deque<T> & values) {
        self().resize(values, has_fields<T>::value ? 1 : sizeof(T));
        for (T & value : values) {
            one(value);
        }
    }

    template <typename C>
    void items(C & values) {
        using item = typename C::value_type;
        self().resize(values, has_fields<item>::value ? 1 : sizeof(item));
        if constexpr (has_fields<item>::value) {
            for (item & value : values) {
                one(value);
            }
        } else if (!values.empty()) {
            self().raw(values.data(), values.size() * sizeof(item));
        }
    }
};

class byte_writer : public byte_archive<byte_writer> {
  public:
    static constexpr bool loading = false;

    void raw(const void * from, size_t n) {
        const auto * bytes = static_cast<const uint8_t *>(from);
        bytes_.insert(bytes_.end(), bytes, bytes + n);
    }

    template <typename C>
    void resize(C & values, size_t) {
        const uint64_t n = values.size();
        raw(&n, sizeof(n));
    }

    std::vector<uint8_t> & bytes() { return bytes_; }

  private:
    std::vector<uint8_t> bytes_;
};

// Throws INVALID_SNAPSHOT where the bytes end too early.
class byte_reader : public byte_archive<byte_reader> {
  public:
    static constexpr bool loading = true;

    byte_reader(const uint8_t * bytes, size_t n) : next_(bytes), left_(n) {}

    void raw(void * to, size_t n) {
        if (n > left_) {
            throw error(KSTT_STATUS_INVALID_SNAPSHOT,
                        format("the snapshot is cut short: %zu bytes are needed where %zu are left", n, left_));
        }
        if (n > 0) {  // memcpy takes no null pointer, which empty vectors and empty snapshots have
            std::memcpy(to, next_, n);
            next_ += n;
            left_ -= n;
        }
    }

    // min_size: bytes that each value takes at least, so that no damaged count asks for memory the bytes cannot fill.
    template <typename C>
    void resize(C & values, size_t min_size) {
        uint64_t n = 0;
        raw(&n, sizeof(n));
        if (n > left_ / min_size) {
            throw error(KSTT_STATUS_INVALID_SNAPSHOT, "the snapshot is damaged: a list is longer than the rest of it");
        }
        values.clear();
        values.resize(static_cast<size_t>(n));
    }

    size_t left() const { return left_; }

  private:
    const uint8_t * next_;
    size_t          left_;
};

}  // namespace kstt
