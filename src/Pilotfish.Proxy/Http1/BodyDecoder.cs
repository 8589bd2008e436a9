using System.Diagnostics;
using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Http1;

/// <summary>Takes a body out of a connection's bytes, however it is delimited. Resumable; never consumes a byte of the next message.</summary>
internal struct BodyDecoder
{
    private ChunkedDecoder _chunked;
    private long _left;

    public BodyKind Kind { get; private set; }

    /// <summary>Whether a body of known length has been taken to its last byte.</summary>
    public readonly bool IsFinished => Kind == BodyKind.Length && _left == 0;

    public static BodyDecoder For(BodyKind kind, long length) => new() { Kind = kind, _left = length };

    public DecodeStatus Step(
        ReadOnlySpan<byte> input, HeaderMap trailers, Http1Limits limits, out int consumed, out ReadOnlySpan<byte> data, out Http1Error? error)
    {
        error = null;
        data = default;
        consumed = 0;
        switch (Kind)
        {
            case BodyKind.None:
                return DecodeStatus.End;
            case BodyKind.Length when _left == 0:
                return DecodeStatus.End;
            case BodyKind.Length or BodyKind.UntilClose:
                if (input.IsEmpty)
                {
                    return DecodeStatus.NeedMore;
                }

                consumed = Kind == BodyKind.Length ? (int)Math.Min(_left, input.Length) : input.Length;
                _left -= consumed;
                data = input[..consumed];
                return DecodeStatus.Data;
            case BodyKind.Chunked:
                return _chunked.Step(input, trailers, limits, out consumed, out data, out error);
            default:
                throw new UnreachableException($"Unknown body kind {Kind}.");
        }
    }
}
