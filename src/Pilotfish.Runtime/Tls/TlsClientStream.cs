using Pilotfish.Runtime.Streams;

namespace Pilotfish.Runtime.Tls;

/// <summary>The client's side of TLS sessions.</summary>
public static class TlsClientStream
{
    /// <summary>Shakes hands. The caller bounds the time by closing <paramref name="inner"/>.</summary>
    public static ValueTask<TlsHandshake> ConnectAsync(IByteStream inner, TlsClientOptions options, TlsEngine engine = TlsEngine.Automatic) =>
        TlsEngines.Resolve(engine) == TlsEngine.Libssl
            ? LibsslClient.ConnectAsync(inner, options)
            : SslStreamClient.ConnectAsync(inner, options);
}
