using Pilotfish.Runtime.Streams;

namespace Pilotfish.Runtime.Tls;

/// <summary>The server's side of TLS sessions.</summary>
public static class TlsServerStream
{
    internal const string NoCertificate = "no certificate serves the name that the client asks for";

    /// <summary>
    /// Shakes hands. <paramref name="choose"/> sees what the client asks for and gives the answer; null refuses. The caller bounds
    /// the time by closing <paramref name="inner"/>.
    /// </summary>
    public static ValueTask<TlsHandshake> AcceptAsync(
        IByteStream inner, Func<TlsClientHello, TlsServerChoice?> choose, TlsEngine engine = TlsEngine.Automatic) =>
        TlsEngines.Resolve(engine) == TlsEngine.Libssl
            ? LibsslServer.AcceptAsync(inner, choose)
            : SslStreamServer.AcceptAsync(inner, choose);
}
