#include "tokenizer-object.h"

#include "async-call.h"
#include "conversions.h"
#include "environment-data.h"
#include "native-handle.h"
#include "wrapped-object.h"

#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace kstt_node {

namespace {

struct made_tokenizer {
    std::shared_ptr<kstt_tokenizer> tokenizer;
};

constexpr const char * what = "tokenizer";

std::vector<uint8_t> to_bytes(const Napi::Value & value, const char * name) {
    if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
        throw_error(value.Env(), KSTT_STATUS_INVALID_ARGUMENT, std::string(name) + " must be a Uint8Array");
    }
    const auto array = value.As<Napi::Uint8Array>();
    return { array.Data(), array.Data() + array.ElementLength() };
}

template <typename Create>
Napi::Value create_with(Napi::Env env, Create create) {
    return call_async<made_tokenizer>(
        env,
        "kstt.createTokenizer",
        [create = std::move(create)](made_tokenizer & made, kstt_error * error) {
            kstt_tokenizer *  handle = nullptr;
            const kstt_status status = create(&handle, error);
            if (status == KSTT_STATUS_OK) {
                made.tokenizer = own_handle<kstt_tokenizer_free>(handle);
            }
            return status;
        },
        [](Napi::Env js, made_tokenizer & made) { return wrap_made(environment_data::of(js).tokenizer, made); });
}

}  // namespace

Napi::Value tokenizer_object::create(const Napi::CallbackInfo & info) {
    if (info[0].IsString()) {
        return create_with(info.Env(), [path = to_text(info[0], "path")](kstt_tokenizer ** out, kstt_error * error) {
            return kstt_tokenizer_create(path.c_str(), out, error);
        });
    }
    const Napi::Object source = to_object(info[0], "source");
    return create_with(info.Env(),
                       [kind  = to_int32(source.Get("kind"), "kind"),
                        bytes = to_bytes(source.Get("bytes"), "bytes"),
                        name  = to_text(source.Get("name"), "name")](kstt_tokenizer ** out, kstt_error * error) {
                           return kstt_tokenizer_create_from_memory(
                               kind, bytes.data(), bytes.size(), name.c_str(), out, error);
                       });
}

Napi::Function tokenizer_object::define(Napi::Env env) {
    return DefineClass(env,
                       "Tokenizer",
                       {
                           InstanceMethod("encode", &tokenizer_object::encode),
                           InstanceMethod("decode", &tokenizer_object::decode),
                           InstanceMethod("piece", &tokenizer_object::piece),
                           InstanceMethod("isSpecial", &tokenizer_object::is_special),
                           InstanceMethod("file", &tokenizer_object::file),
                           InstanceMethod("toJson", &tokenizer_object::to_json),
                           InstanceMethod("kind", &tokenizer_object::kind),
                           InstanceMethod("vocabSize", &tokenizer_object::size),
                           InstanceMethod("dispose", &tokenizer_object::dispose),
                       });
}

tokenizer_object::tokenizer_object(const Napi::CallbackInfo & info) : Napi::ObjectWrap<tokenizer_object>(info) {
    tokenizer_ = made_from<made_tokenizer>(info).tokenizer;
}

Napi::Value tokenizer_object::encode(const Napi::CallbackInfo & info) {
    const auto tokenizer = open_handle(info, tokenizer_, what);
    if (!info[0].IsString()) {
        throw_error(info.Env(), KSTT_STATUS_INVALID_ARGUMENT, "text must be a string");
    }
    const std::string    text = info[0].As<Napi::String>().Utf8Value();
    // Mostly enough: pieces are longer than a byte. Rules of normalisation can lengthen a text.
    std::vector<int32_t> ids(text.size() + 16);
    for (;;) {
        size_t            n_ids = 0;
        kstt_error        error = {};
        const kstt_status status =
            kstt_tokenizer_encode(tokenizer.get(), text.data(), text.size(), ids.data(), ids.size(), &n_ids, &error);
        throw_if_failed(info.Env(), status, error);
        if (n_ids <= ids.size()) {
            return from_int32s(info.Env(), ids.data(), n_ids);
        }
        ids.resize(n_ids);
    }
}

Napi::Value tokenizer_object::decode(const Napi::CallbackInfo & info) {
    const auto tokenizer = open_handle(info, tokenizer_, what);
    if (!info[0].IsTypedArray() || info[0].As<Napi::TypedArray>().TypedArrayType() != napi_int32_array) {
        throw_error(info.Env(), KSTT_STATUS_INVALID_ARGUMENT, "ids must be an Int32Array");
    }
    const auto  ids          = info[0].As<Napi::Int32Array>();
    const bool  skip_special = to_bool(info[1], "skipSpecial");
    std::string text(ids.ElementLength() * 8 + 16, '\0');
    for (;;) {
        size_t            size   = 0;
        kstt_error        error  = {};
        const kstt_status status = kstt_tokenizer_decode(tokenizer.get(),
                                                         ids.Data(),
                                                         ids.ElementLength(),
                                                         skip_special ? 1 : 0,
                                                         text.data(),
                                                         text.size(),
                                                         &size,
                                                         &error);
        throw_if_failed(info.Env(), status, error);
        if (size < text.size()) {
            return Napi::String::New(info.Env(), text.data(), size);
        }
        text.resize(size + 1);
    }
}

Napi::Value tokenizer_object::piece(const Napi::CallbackInfo & info) {
    const auto   tokenizer = open_handle(info, tokenizer_, what);
    size_t       size      = 0;
    const char * text      = kstt_tokenizer_piece(tokenizer.get(), to_int32(info[0], "id"), &size);
    return text == nullptr ? info.Env().Undefined() : Napi::String::New(info.Env(), text, size);
}

Napi::Value tokenizer_object::is_special(const Napi::CallbackInfo & info) {
    const auto tokenizer = open_handle(info, tokenizer_, what);
    return Napi::Boolean::New(info.Env(), kstt_tokenizer_is_special(tokenizer.get(), to_int32(info[0], "id")) != 0);
}

Napi::Value tokenizer_object::file(const Napi::CallbackInfo & info) {
    const auto       tokenizer = open_handle(info, tokenizer_, what);
    size_t           n_bytes   = 0;
    const void *     bytes     = kstt_tokenizer_file_bytes(tokenizer.get(), &n_bytes);
    Napi::Uint8Array copy      = Napi::Uint8Array::New(info.Env(), n_bytes);
    if (n_bytes > 0) {
        std::memcpy(copy.Data(), bytes, n_bytes);
    }
    Napi::Object object = Napi::Object::New(info.Env());
    object.Set("name", kstt_tokenizer_file_name(tokenizer.get()));
    object.Set("bytes", copy);
    return object;
}

Napi::Value tokenizer_object::to_json(const Napi::CallbackInfo & info) {
    const auto  tokenizer = open_handle(info, tokenizer_, what);
    size_t      size      = 0;
    kstt_error  error     = {};
    kstt_status status    = kstt_tokenizer_to_json(tokenizer.get(), nullptr, 0, &size, &error);
    throw_if_failed(info.Env(), status, error);
    std::string text(size + 1, '\0');
    status = kstt_tokenizer_to_json(tokenizer.get(), text.data(), text.size(), &size, &error);
    throw_if_failed(info.Env(), status, error);
    return Napi::String::New(info.Env(), text.data(), size);
}

Napi::Value tokenizer_object::kind(const Napi::CallbackInfo & info) {
    return Napi::Number::New(info.Env(), kstt_tokenizer_kind(open_handle(info, tokenizer_, what).get()));
}

Napi::Value tokenizer_object::size(const Napi::CallbackInfo & info) {
    return Napi::Number::New(info.Env(), kstt_tokenizer_vocab_size(open_handle(info, tokenizer_, what).get()));
}

Napi::Value tokenizer_object::dispose(const Napi::CallbackInfo & info) {
    return release_async(info.Env(), std::exchange(tokenizer_, nullptr));
}

}  // namespace kstt_node
