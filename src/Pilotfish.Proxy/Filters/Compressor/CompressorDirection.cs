using System.Text;
using Pilotfish.Language.Numbers;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.RuntimeLayers;
using RuntimeFeatureFlag = Envoy.Config.Core.V3.RuntimeFeatureFlag;

namespace Pilotfish.Proxy.Filters.Compressor;

/// <summary>What requests and responses have in common: which messages are worth the work. Immutable; any thread.</summary>
internal sealed class CompressorDirection
{
    private const uint DefaultLengthMin = 30;

    private static readonly byte[][] s_defaultTypes = Bytes(
    [
        "text/html", "text/plain", "text/css", "application/javascript", "application/x-javascript", "text/javascript", "text/x-javascript",
        "text/ecmascript", "text/js", "text/jscript", "text/x-js", "application/ecmascript", "application/x-json", "application/xml",
        "application/json", "image/svg+xml", "text/xml", "application/xhtml+xml", "application/grpc-web", "application/grpc-web+proto",
    ]);

    private readonly byte[][] _types;

    public CompressorDirection(RuntimeFeatureFlag? enabled, uint? lengthMin, IReadOnlyCollection<string> types, RuntimeValues runtime, CompressorStats stats)
    {
        Enabled = LiveFlag.Of(enabled, whenAbsent: true, runtime);
        LengthMin = lengthMin is > 0 and { } bytes ? bytes : DefaultLengthMin;
        _types = types.Count == 0 ? s_defaultTypes : Bytes(types);
        Stats = stats;
    }

    public LiveFlag Enabled { get; }

    /// <summary>Messages that say they are shorter stay as they are, in bytes.</summary>
    public uint LengthMin { get; }

    public CompressorStats Stats { get; }

    /// <summary>A message that does not say how long it is counts as long enough.</summary>
    public bool IsLongEnough(HeaderMap headers) => !headers.TryGet(WellKnownHeader.ContentLength, out ReadOnlySpan<byte> length)
        || (DecimalText.TryParse(length, out long bytes) && bytes >= LengthMin);

    /// <summary>A message that does not say what it is counts as worth it.</summary>
    public bool HasType(HeaderMap headers)
    {
        if (!headers.TryGet(WellKnownHeader.ContentType, out ReadOnlySpan<byte> value))
        {
            return true;
        }

        int semicolon = value.IndexOf((byte)';');
        value = (semicolon < 0 ? value : value[..semicolon]).Trim(" \t"u8);
        foreach (byte[] type in _types)
        {
            if (Ascii.EqualsIgnoreCase(type, value))
            {
                return true;
            }
        }

        return false;
    }

    private static byte[][] Bytes(IReadOnlyCollection<string> types)
    {
        var bytes = new byte[types.Count][];
        int i = 0;
        foreach (string type in types)
        {
            bytes[i++] = Encoding.ASCII.GetBytes(type);
        }

        return bytes;
    }
}
