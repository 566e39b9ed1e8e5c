// Compares captured graph nodes with the rows that a parity fixture expects, and names the first that differs.
#pragma once

#include "parity-fixture.h"

#include <ggml.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

class node_comparison {
  public:
    // `prefix`: "codec." or "decoder."; only these nodes are expected.
    node_comparison(const parity_fixture & fixture, const std::string & prefix) : fixture_(fixture) {
        for (const auto & [name, rows] : fixture.intermediates) {
            if (name.rfind(prefix, 0) == 0) {
                sums_[name] = {};
            }
        }
    }

    // `nodes`: F32 [channels, columns, 1] of one call that computed `n_frames` frames from `first_frame` on.
    void add(const std::vector<ggml_tensor *> & nodes, int64_t first_frame, int64_t n_frames) {
        for (const ggml_tensor * node : nodes) {
            const auto found = fixture_.intermediates.find(node->name);
            if (found == fixture_.intermediates.end()) {
                continue;
            }
            sums & sum = sums_[node->name];
            if (sum.order < 0) {
                sum.order = next_order_++;
            }
            const int64_t n_columns = node->ne[1];
            const int64_t first_row = first_frame * (n_columns / n_frames);
            for (const expected_rows & rows : found->second) {
                KSTT_CHECK(node->type == GGML_TYPE_F32 && ggml_is_contiguous(node) && node->ne[0] == rows.channels);
                const int64_t begin = std::max(first_row, rows.first_row);
                const int64_t end   = std::min(first_row + n_columns, rows.first_row + rows.n_rows);
                for (int64_t i = begin * rows.channels; i < end * rows.channels; i++) {
                    const double expected = rows.values[static_cast<size_t>(i - rows.first_row * rows.channels)];
                    const double difference =
                        static_cast<const float *>(node->data)[i - first_row * rows.channels] - expected;
                    sum.difference += difference * difference;
                    sum.expected += expected * expected;
                    sum.n_values++;
                }
            }
        }
    }

    // Prints every node's relative error if `verbose`; returns a message naming the first node, in the order of
    // computation, whose error is above the tolerance, or any node that was never computed; empty: all is well.
    std::string report(double tolerance, bool verbose) const {
        std::vector<std::pair<std::string, sums>> nodes(sums_.begin(), sums_.end());
        std::sort(
            nodes.begin(), nodes.end(), [](const auto & a, const auto & b) { return a.second.order < b.second.order; });
        std::string message;
        for (const auto & [name, sum] : nodes) {
            int64_t n_expected = 0;
            for (const expected_rows & rows : fixture_.intermediates.at(name)) {
                n_expected += rows.n_rows * rows.channels;
            }
            if (sum.n_values != n_expected) {
                return fixture_.name + ": " + name + ": " + std::to_string(sum.n_values) + " of " +
                       std::to_string(n_expected) + " values were computed";
            }
            const double error = std::sqrt(sum.difference / sum.expected);
            if (verbose) {
                std::printf("  %-34s %.2e\n", name.c_str(), error);
            }
            if (message.empty() && !(error <= tolerance)) {
                message = fixture_.name + ": " + name + ": relative error " + kstt::format("%.2e", error) +
                          ", allowed " + kstt::format("%.0e", tolerance);
            }
        }
        return message;
    }

    size_t n_nodes() const { return sums_.size(); }

  private:
    struct sums {
        double  difference = 0.0;
        double  expected   = 0.0;
        int64_t n_values   = 0;
        int     order      = -1;  // of first computation
    };

    const parity_fixture &      fixture_;
    std::map<std::string, sums> sums_;
    int                         next_order_ = 0;
};
