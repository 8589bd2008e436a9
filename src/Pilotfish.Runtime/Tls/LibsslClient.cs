using System.Security.Cryptography;
using Pilotfish.Runtime.Interop;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Runtime.Tls;

/// <summary>The client's handshake by libssl.</summary>
internal static class LibsslClient
{
    internal static async ValueTask<TlsHandshake> ConnectAsync(IByteStream inner, TlsClientOptions options)
    {
        LibsslStream stream;
        try
        {
            TlsVerifier? verifier = options.ServerVerification is { } verification
                ? new TlsVerifier(verification, required: true, isServer: false)
                : null;
            stream = new LibsslStream(
                inner, LibsslClientContexts.Of(options), new LibsslHandshake(verifier, options.Certificate?.TargetCertificate));
        }
        catch (CryptographicException exception)
        {
            // Suites that this library has not, or a key that it cannot use.
            inner.Close();
            return new(null, exception.Message, TlsFailureKind.Protocol);
        }

        stream.Connection.SessionKey = new SslSessionKey(options.ServerName, inner.RemoteAddress);
        stream.Connection.PrepareClient(options.ServerName, options.ApplicationProtocols, options.ServerVerification is not null);
        return RsaKeyUsage.Judge(await stream.HandshakeAsync(options.ServerName), options);
    }
}
