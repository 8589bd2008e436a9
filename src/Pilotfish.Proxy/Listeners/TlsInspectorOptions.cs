using Pilotfish.Proxy.Config;
using Pilotfish.Runtime.Buffers;
using ProtoTlsInspector = Envoy.Extensions.Filters.Listener.TlsInspector.V3.TlsInspector;

namespace Pilotfish.Proxy.Listeners;

/// <summary>The configuration of tls_inspector, with Envoy's defaults and ranges. Immutable.</summary>
internal sealed record TlsInspectorOptions
{
    /// <summary>Envoy's limit; the connection of a larger hello is closed.</summary>
    public const int DefaultHelloBytesMax = 16 * 1024;

    private const uint FirstReadMin = 256;
    private const uint FirstReadMax = 64 * 1024;

    /// <summary>max_client_hello_size.</summary>
    public int HelloBytesMax { get; init; } = DefaultHelloBytesMax;

    /// <summary>initial_read_buffer_size: the room of the first look; it grows with what came.</summary>
    public int FirstReadBytes { get; init; } = BufferPool.SmallBytes;

    public bool TakesJa3 { get; init; }

    public bool TakesJa4 { get; init; }

    /// <summary>close_connection_on_client_hello_parsing_errors: bytes that are no TLS end the connection.</summary>
    public bool ClosesOnParsingErrors { get; init; }

    public static TlsInspectorOptions Compile(ProtoTlsInspector config, string field)
    {
        if (config.MaxClientHelloSize is > DefaultHelloBytesMax or 0)
        {
            throw new ConfigRejectedException(
                $"{field}.max_client_hello_size", $"{config.MaxClientHelloSize} is not between 1 and {DefaultHelloBytesMax}");
        }

        if (config.InitialReadBufferSize is < FirstReadMin or > FirstReadMax)
        {
            throw new ConfigRejectedException(
                $"{field}.initial_read_buffer_size", $"{config.InitialReadBufferSize} is not between {FirstReadMin} and {FirstReadMax}");
        }

        return new TlsInspectorOptions
        {
            HelloBytesMax = (int)(config.MaxClientHelloSize ?? DefaultHelloBytesMax),
            FirstReadBytes = (int)(config.InitialReadBufferSize ?? BufferPool.SmallBytes),
            TakesJa3 = config.EnableJa3Fingerprinting ?? false,
            TakesJa4 = config.EnableJa4Fingerprinting ?? false,
            ClosesOnParsingErrors = config.CloseConnectionOnClientHelloParsingErrors,
        };
    }
}
