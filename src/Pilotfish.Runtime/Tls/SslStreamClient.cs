using System.Formats.Asn1;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Runtime.Tls;

/// <summary>The client's handshake by SslStream.</summary>
internal static class SslStreamClient
{
    internal static async ValueTask<TlsHandshake> ConnectAsync(IByteStream inner, TlsClientOptions options)
    {
        var transport = new TlsTransport(inner, isServer: false);
        var ssl = new SslStream(transport, leaveInnerStreamOpen: true);
        var verifier = new TlsVerifier(options.ServerVerification, required: options.ServerVerification is not null, isServer: false);
        string? failure;
        TlsFailureKind kind = TlsFailureKind.Protocol;
        try
        {
            await ssl.AuthenticateAsClientAsync(
                new SslClientAuthenticationOptions
                {
                    TargetHost = options.ServerName,
                    ApplicationProtocols = options.ApplicationProtocols.Count == 0 ? null : SslStreamSession.ToProtocols(options.ApplicationProtocols),
                    ClientCertificateContext = options.Certificate,
                    EnabledSslProtocols = options.Protocols,
                    CertificateChainPolicy = options.ServerVerification?.ToPolicy(),
                    RemoteCertificateValidationCallback = verifier.Callback,
                    AllowTlsResume = options.AllowResumption,
                    AllowRenegotiation = false,
                },
                CancellationToken.None);
            failure = SslStreamSession.CheckCipher(ssl, options.CipherSuites);
            if (failure is null)
            {
                TlsSessionFacts facts = SslStreamSession.FactsOf(ssl, options.ServerName, verifier, transport.TakeFlight());
                return RsaKeyUsage.Judge(new(new SslStreamSession(inner, ssl, facts), null, TlsFailureKind.None), options);
            }
        }
        catch (Exception exception) when (exception is AuthenticationException or IOException or InvalidOperationException
            or NotSupportedException or ArgumentException or CryptographicException or AsnContentException)
        {
            failure = SslStreamSession.FailureOf(verifier, exception, transport.TakeFlight(), out kind);
        }

        inner.Close();
        ssl.Dispose();
        return new(null, failure, kind);
    }
}
