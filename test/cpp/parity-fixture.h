// Reads a folder of test/fixtures/parity; its README says what is in it.
#pragma once

#include "io/json-file.h"
#include "io/model-config.h"
#include "io/safetensors-file.h"
#include "parity-signal.h"
#include "runtime/error.h"

#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

// Rows of an intermediate tensor: time-major, `channels` values each.
struct expected_rows {
    int64_t            first_row = 0;
    int64_t            n_rows    = 0;
    int64_t            channels  = 0;
    std::vector<float> values;
};

struct expected_ids {
    std::vector<int64_t> shape;
    std::vector<int32_t> values;
};

class parity_fixture {
  public:
    explicit parity_fixture(const std::filesystem::path & folder)
        : manifest(kstt::json_value::read((folder / "manifest.json").string(), 1 << 20)) {
        name                     = folder.filename().string();
        const std::string inside = manifest.contains("checkpoint") ? manifest.at("checkpoint").string() : "checkpoint";
        checkpoint               = (folder / inside).lexically_normal().string();
        dtype                    = manifest.at("dtype").string();
        read_expected((folder / "expected.safetensors").string());
    }

    const expected_ids & ids(const std::string & tensor) const {
        const auto found = ids_.find(tensor);
        if (found == ids_.end()) {
            throw kstt::error(KSTT_STATUS_MODEL_FORMAT, name + ": no tensor " + tensor);
        }
        return found->second;
    }

    // Input of case `long`, padded as the feature extractor does (spec 5.4).
    std::vector<float> long_input(const kstt::model_config & config) const {
        const kstt::json_value   row    = manifest.at("cases").at(size_t{ 0 }).at("rows").at(size_t{ 0 });
        const auto               rate   = static_cast<double>(config.feature_sampling_rate);
        const auto               before = static_cast<size_t>(config.audio_silence_prefix_seconds * rate);
        const auto               after  = static_cast<size_t>((config.audio_delay_seconds + 1.0) * rate);
        std::vector<float>       input(before, 0.0F);
        const std::vector<float> signal = parity_signal(static_cast<uint32_t>(row.at("seed").integer(0, UINT32_MAX)),
                                                        row.at("samples").integer(1, INT32_MAX));
        input.insert(input.end(), signal.begin(), signal.end());
        input.resize(input.size() + after, 0.0F);
        return input;
    }

    std::string                                       name;
    std::string                                       checkpoint;
    std::string                                       dtype;
    kstt::json_value                                  manifest;
    std::map<std::string, std::vector<expected_rows>> intermediates;  // by node

  private:
    void read_expected(const std::string & path) {
        const kstt::safetensors_file file(path);
        for (const kstt::tensor_view & tensor : file.tensors()) {
            const size_t at = tensor.name.find('@');
            if (at == std::string::npos) {
                expected_ids & ids = ids_[tensor.name];
                ids.shape          = tensor.shape;
                ids.values.resize(tensor.n_bytes / sizeof(int32_t));
                std::memcpy(ids.values.data(), tensor.data, tensor.n_bytes);
                continue;
            }
            expected_rows rows;
            rows.first_row = std::stoll(tensor.name.substr(at + 1));
            rows.n_rows    = tensor.shape.at(0);
            rows.channels  = tensor.shape.at(1);
            rows.values.resize(tensor.n_bytes / sizeof(float));
            std::memcpy(rows.values.data(), tensor.data, tensor.n_bytes);
            intermediates[tensor.name.substr(0, at)].push_back(std::move(rows));
        }
    }

    std::map<std::string, expected_ids> ids_;
};
