using System.Diagnostics;
using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Http1;

/// <summary>
/// Resumable decoder of the chunked coding (RFC 9112 section 7.1):
/// <code>
///  1*HEXDIG [ chunk-ext ] CRLF  chunk-data  CRLF   ...   "0" [ chunk-ext ] CRLF  trailer-section  CRLF
///  Size     Extension     SizeLf Data       DataCr DataLf                        Trailers
/// </code>
/// Line ends are CRLF and nothing else. Everything is consumed byte by byte except the trailer section, which is taken whole so that
/// its fields can be parsed as a head's are.
/// </summary>
internal struct ChunkedDecoder
{
    // 15 hex digits stay below 2^60: no overflow, and no real chunk comes near.
    private const int SizeDigitsMax = 15;

    private State _state;
    private int _digits;
    private int _lineBytes;
    private long _left;
    private HeadScanner _scanner;

    private enum State : byte
    {
        Size,
        Extension,
        SizeLf,
        Data,
        DataCr,
        DataLf,
        Trailers,
        Done,
    }

    /// <summary>Takes one step.</summary>
    /// <param name="input">Bytes not yet consumed, starting where the last step ended.</param>
    /// <param name="trailers">Receives the trailer section's fields.</param>
    /// <param name="limits">Bounds.</param>
    /// <param name="consumed">How many bytes of the input this step used, body bytes included.</param>
    /// <param name="data">The body bytes produced by this step: a slice of the input.</param>
    /// <param name="error">Why the input is invalid.</param>
    public DecodeStatus Step(
        ReadOnlySpan<byte> input, HeaderMap trailers, Http1Limits limits, out int consumed, out ReadOnlySpan<byte> data, out Http1Error? error)
    {
        data = default;
        error = null;
        for (int i = 0; ;)
        {
            switch (_state)
            {
                case State.Data:
                    int take = (int)Math.Min(_left, input.Length - i);
                    if (take == 0)
                    {
                        consumed = i;
                        return DecodeStatus.NeedMore;
                    }

                    data = input.Slice(i, take);
                    _left -= take;
                    _state = _left == 0 ? State.DataCr : State.Data;
                    consumed = i + take;
                    return DecodeStatus.Data;
                case State.Trailers:
                    DecodeStatus status = ReadTrailers(input[i..], trailers, limits, out int used, out error);
                    consumed = i + used;
                    return status;
                case State.Done:
                    consumed = i;
                    return DecodeStatus.End;
                default:
                    if (i == input.Length)
                    {
                        consumed = i;
                        return DecodeStatus.NeedMore;
                    }

                    if (!TakeFramingByte(input[i++]))
                    {
                        consumed = i;
                        error = Http1Error.Codec;
                        return DecodeStatus.Invalid;
                    }

                    break;
            }
        }
    }

    private bool TakeFramingByte(byte value)
    {
        switch (_state)
        {
            case State.Size:
                return TakeSizeByte(value);
            case State.Extension:
                return TakeExtensionByte(value);
            case State.SizeLf:
                _state = _left == 0 ? State.Trailers : State.Data;
                _digits = 0;
                _lineBytes = 0;
                return value == '\n';
            case State.DataCr:
                _state = State.DataLf;
                return value == '\r';
            case State.DataLf:
                _state = State.Size;
                return value == '\n';
            default:
                throw new UnreachableException($"State {_state} takes no framing byte.");
        }
    }

    private bool TakeSizeByte(byte value)
    {
        int digit = HexDigit(value);
        if (digit >= 0)
        {
            _left = (_left << 4) | (uint)digit;
            return ++_digits <= SizeDigitsMax;
        }

        if (_digits == 0)
        {
            return false;
        }

        _state = value == '\r' ? State.SizeLf : State.Extension;
        return value is (byte)'\r' or (byte)';' or (byte)' ' or (byte)'\t';
    }

    private bool TakeExtensionByte(byte value)
    {
        if (value == '\r')
        {
            _state = State.SizeLf;
            return true;
        }

        return (value >= 32 || value == '\t') && value != 127 && ++_lineBytes <= Http1Limits.ChunkLineBytes;
    }

    private DecodeStatus ReadTrailers(
        ReadOnlySpan<byte> input, HeaderMap trailers, Http1Limits limits, out int consumed, out Http1Error? error)
    {
        error = null;
        consumed = 0;
        if (input.Length < 2)
        {
            return input.Length == 1 && input[0] == '\n' ? Fail(Http1Error.Codec, out error) : DecodeStatus.NeedMore;
        }

        if (input[0] == '\r')
        {
            consumed = 2;
            _state = State.Done;
            return input[1] == '\n' ? DecodeStatus.End : Fail(Http1Error.Codec, out error);
        }

        int length = _scanner.Scan(input, out bool bareLineFeed);
        if (bareLineFeed)
        {
            return Fail(Http1Error.Codec, out error);
        }

        if (length > limits.HeadBytes || (length == 0 && input.Length > limits.HeadBytes))
        {
            return Fail(Http1Error.TrailersTooLarge, out error);
        }

        if (length == 0)
        {
            return DecodeStatus.NeedMore;
        }

        trailers.Clear();
        int start = trailers.AdoptHead(input[..length]);
        error = FieldParser.Parse(trailers, start, start + length, limits, out _);
        consumed = length;
        _state = State.Done;
        return error is null ? DecodeStatus.End : DecodeStatus.Invalid;
    }

    private static DecodeStatus Fail(Http1Error reason, out Http1Error? error)
    {
        error = reason;
        return DecodeStatus.Invalid;
    }

    private static int HexDigit(byte value) => value switch
    {
        >= (byte)'0' and <= (byte)'9' => value - '0',
        >= (byte)'a' and <= (byte)'f' => value - 'a' + 10,
        >= (byte)'A' and <= (byte)'F' => value - 'A' + 10,
        _ => -1,
    };
}
