using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Pilotfish.ControlPlane.Sources.Files;

namespace Pilotfish.ControlPlane;

/// <summary>
/// The control plane's own certificate, from files as istiod takes them: PEM, leaf first, the rest of the chain behind it. Looked at
/// before each handshake, so a renewed one serves the next connection; a bad one is told and the last good one stays. Any thread.
/// </summary>
internal sealed class ServingCertificate
{
    private readonly string _certificateFile;
    private readonly string _keyFile;
    private readonly string? _clientRootFile;
    private readonly Action<string> _complain;
    private readonly Lock _lock = new();
    private SslServerAuthenticationOptions _options;
    private (FileStamp Certificate, FileStamp Key, FileStamp Roots) _stamp;

    /// <param name="certificateFile">The chain.</param>
    /// <param name="keyFile">The leaf's key, not encrypted.</param>
    /// <param name="clientRootFile">Roots that clients' certificates must chain to, where a client shows one; null: none are asked for.</param>
    /// <param name="complain">Takes a sentence about files that cannot be used.</param>
    /// <exception cref="CryptographicException">The files hold no usable certificate.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public ServingCertificate(string certificateFile, string keyFile, string? clientRootFile, Action<string> complain)
    {
        (_certificateFile, _keyFile, _clientRootFile, _complain) = (certificateFile, keyFile, clientRootFile, complain);
        _stamp = Stamp();
        _options = Load();
    }

    /// <summary>What the next handshake shows and asks for.</summary>
    public SslServerAuthenticationOptions Current
    {
        get
        {
            lock (_lock)
            {
                var stamp = Stamp();
                if (stamp != _stamp)
                {
                    // Not tried again before the files change again: one complaint is enough.
                    _stamp = stamp;
                    Reload();
                }

                return _options;
            }
        }
    }

    private void Reload()
    {
        try
        {
            _options = Load();
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            _complain($"The certificate '{_certificateFile}' or its key '{_keyFile}' cannot be used: {e.Message} The one before stays in use.");
        }
    }

    private SslServerAuthenticationOptions Load()
    {
        foreach (string path in new[] { _certificateFile, _keyFile, _clientRootFile ?? _keyFile })
        {
            if (!File.Exists(path))
            {
                throw new IOException($"There is no file '{path}'.");
            }
        }

        using X509Certificate2 leaf = X509Certificate2.CreateFromPemFile(_certificateFile, _keyFile);
        X509Certificate2Collection chain = [];
        chain.ImportFromPemFile(_certificateFile);
        var options = new SslServerAuthenticationOptions
        {
            // A copy that does not depend on the loaded key's handle; offline: no handshake waits for a download.
            ServerCertificateContext = SslStreamCertificateContext.Create(
                X509CertificateLoader.LoadPkcs12(leaf.Export(X509ContentType.Pkcs12), null), chain, offline: true),
        };
        if (_clientRootFile is not null)
        {
            X509Certificate2Collection roots = [];
            roots.ImportFromPemFile(_clientRootFile);
            options.ClientCertificateRequired = true;
            options.RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is null || IsTrusted(certificate, roots);
        }

        return options;
    }

    private static bool IsTrusted(X509Certificate certificate, X509Certificate2Collection roots)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(roots);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        return chain.Build((X509Certificate2)certificate);
    }

    // A missing file has the empty stamp.
    private (FileStamp Certificate, FileStamp Key, FileStamp Roots) Stamp() =>
        (StampOf(_certificateFile), StampOf(_keyFile), StampOf(_clientRootFile));

    private static FileStamp StampOf(string? path) =>
        path is not null && FileStamp.TryRead(path, out FileStamp stamp) ? stamp : default;
}
