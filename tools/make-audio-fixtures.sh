#!/bin/sh
# Makes test/fixtures/audio from a recording: tools/make-audio-fixtures.sh jfk.wav
# Needs ffmpeg (libmp3lame, libopus, libvorbis) and sox. Made with ffmpeg 5.1.9 and sox 14.4.2.
set -eu

source=${1:?usage: tools/make-audio-fixtures.sh RECORDING}
out=$(cd "$(dirname "$0")/.." && pwd)/test/fixtures/audio
mkdir -p "$out"

encode() { # output name, ffmpeg output options ...
    name=$1
    shift
    ffmpeg -nostdin -hide_banner -loglevel error -y -i "$out/reference.wav" -map_metadata -1 -fflags +bitexact \
        -flags:a +bitexact "$@" "$out/$name"
}
rate() { # rate: exact resampling, so that tests can make the same samples from the reference
    echo "aresample=$1:resampler=soxr:precision=28:osf=flt"
}
stereo="pan=stereo|c0=c0|c1=0.5*c0" # the mean of the channels is 0.75 of the reference

# One second of speech below 3.4 kHz at 8 kHz, so that every other rate holds the same signal; faded, so that no codec
# meets an edge.
sox "$source" -b 16 -r 48000 "$out/.wide.wav" trim 0.3 1.0 sinc -t 200 -3400 gain -n -3
sox -D "$out/.wide.wav" -b 16 -r 8000 "$out/reference.wav" rate -v fade t 0.05 1.0 0.05
rm "$out/.wide.wav"

# wav: every encoding, and the headers that real writers leave behind
encode u8.wav -c:a pcm_u8
encode mulaw.wav -c:a pcm_mulaw
encode alaw.wav -c:a pcm_alaw
encode s24-48k-stereo.wav -t 0.1 -af "$stereo,$(rate 48000)" -c:a pcm_s24le
encode s32-44k.wav -t 0.1 -af "$(rate 44100)" -c:a pcm_s32le
encode f32-22k.wav -t 0.25 -af "$(rate 22050)" -c:a pcm_f32le
encode f64-11k.wav -t 0.25 -af "$(rate 11025)" -c:a pcm_f64le
encode rf64.wav -c:a pcm_u8 -rf64 always
sox -D "$out/reference.wav" "$out/s16-10-channels.wav" trim 0.25 0.1 remix 1v0.1 1v0.2 1v0.3 1v0.4 1v0.5 1v0.6 1v0.7 1v0.8 \
    1v0.9 1
encode adpcm.wav -c:a adpcm_ima_wav
ffmpeg -nostdin -hide_banner -loglevel error -i "$out/reference.wav" -c:a pcm_u8 -f wav - | cat > "$out/pipe-ffmpeg.wav"
sox "$out/reference.wav" -t wav -e unsigned -b 8 - 2>/dev/null | cat > "$out/pipe-sox.wav"

# mp3
encode cbr-44k-stereo.mp3 -af "$stereo,$(rate 44100)" -c:a libmp3lame -b:a 128k
encode vbr-48k.mp3 -af "$(rate 48000)" -c:a libmp3lame -q:a 4
encode cbr-16k.mp3 -af "$(rate 16000)" -c:a libmp3lame -b:a 48k
encode cbr-8k-id3.mp3 -c:a libmp3lame -b:a 24k -metadata title=jfk -id3v2_version 3 -write_id3v1 1
encode no-lame-tag-32k.mp3 -af "$(rate 32000)" -c:a libmp3lame -b:a 64k -write_xing 0

# flac
encode s16-8k.flac -c:a flac -metadata_header_padding 64
encode s24-48k-stereo.flac -t 0.25 -metadata_header_padding 64 -af "$stereo,$(rate 48000)" -sample_fmt s32 -bits_per_raw_sample 24 -c:a flac
encode flac-16k.ogg -t 0.5 -af "$(rate 16000)" -c:a flac -sample_fmt s16

# ogg vorbis, ogg opus
encode vorbis-44k-stereo.ogg -af "$stereo,$(rate 44100)" -c:a libvorbis -q:a 4
encode vorbis-8k.ogg -c:a libvorbis -q:a 4
encode opus-48k-stereo.opus -af "$stereo,$(rate 48000)" -c:a libopus -b:a 96k
encode opus-16k.opus -af "$(rate 16000)" -c:a libopus -b:a 48k
cat "$out/opus-16k.opus" "$out/opus-48k-stereo.opus" > "$out/opus-chained.opus"

# webm, mp4
encode opus-48k-stereo.webm -af "$stereo,$(rate 48000)" -c:a libopus -b:a 96k
encode vorbis-44k.webm -af "$(rate 44100)" -c:a libvorbis -q:a 4
encode flac-16k.mka -t 0.25 -af "$(rate 16000)" -c:a flac -sample_fmt s16
encode aac-44k-stereo.m4a -af "$stereo,$(rate 44100)" -c:a aac -b:a 128k
encode aac-16k-faststart.mp4 -af "$(rate 16000)" -c:a aac -b:a 48k -movflags +faststart
encode opus-48k.mp4 -af "$(rate 48000)" -c:a libopus -b:a 64k
encode flac-16k.mp4 -t 0.25 -af "$(rate 16000)" -c:a flac -sample_fmt s16 -strict experimental
encode mp3-44k.mp4 -af "$(rate 44100)" -c:a libmp3lame -b:a 64k
encode aac-16k.aac -af "$(rate 16000)" -c:a aac -b:a 32k

# read through ffmpeg only
encode s16-8k.mov -t 0.25 -c:a pcm_s16le
encode s16-8k.aiff -t 0.25 -c:a pcm_s16be

du -sh "$out"
