using Envoy.Extensions.TransportSockets.Tls.V3;
using Google.Protobuf;
using Pilotfish.Agent.Bootstrap;
using Pilotfish.Api.Failures;
using Pilotfish.Runtime.Diagnostics;

namespace Pilotfish.Agent.Identity.Workload;

/// <summary>
/// Writes the workload's certificate, key and roots into a directory for other programs (OUTPUT_CERTS; istio
/// security/pkg/nodeagent/util). Each file is replaced at once, the key first. Main loop.
/// </summary>
internal sealed class OutputCertificates : ISecretWatcher, IDisposable
{
    private const string KeyFile = "key.pem";
    private const string ChainFile = "cert-chain.pem";
    private const string RootFile = "root-cert.pem";
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode Shared = Private | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    private readonly string _directory;
    private readonly UnixFileMode _mode;
    private readonly List<SecretLease> _leases = [];

    private OutputCertificates(IdentityOptions options)
    {
        _directory = options.OutputDirectory;

        // In a pod the volume is what limits who can read it, and other containers run as other users: so Istio's agent decides.
        _mode = options.SharesOutput ? Shared : Private;
    }

    /// <summary>Null when nothing is to be written.</summary>
    public static OutputCertificates? Start(SecretStore store, IdentityOptions options)
    {
        if (options.OutputDirectory.Length == 0)
        {
            return null;
        }

        var output = new OutputCertificates(options);
        foreach (string name in (string[])[Secrets.Certificate, Secrets.Roots])
        {
            if (store.Watch(name, output) is { } lease)
            {
                output._leases.Add(lease);
                if (lease.Current is { } secret)
                {
                    output.OnSecret(secret);
                }
            }
        }

        return output;
    }

    public void OnSecret(ServedSecret secret)
    {
        Secret message = Secret.Parser.ParseFrom(secret.Message);
        try
        {
            if (message.TlsCertificate is { } certificate)
            {
                Write(KeyFile, certificate.PrivateKey.InlineBytes);
                Write(ChainFile, certificate.CertificateChain.InlineBytes);
            }
            else if (message.ValidationContext is { } roots)
            {
                Write(RootFile, roots.TrustedCa.InlineBytes);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Log.Error(LogComponent.Secret, $"the secret '{secret.Name}' cannot be written to '{_directory}' ({AgentVariables.OutputCertificates}): {FailureText.Of(e)}.");
        }
    }

    public void Dispose()
    {
        foreach (SecretLease lease in _leases)
        {
            lease.Dispose();
        }

        _leases.Clear();
    }

    private void Write(string name, ByteString content)
    {
        string path = Path.Combine(_directory, name);
        if (File.Exists(path) && File.ReadAllBytes(path).AsSpan().SequenceEqual(content.Span))
        {
            return;
        }

        string aside = $"{path}.{Environment.ProcessId}.tmp";
        File.Delete(aside);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = _mode };
        using (var file = new FileStream(aside, options))
        {
            file.Write(content.Span);
        }

        // The process's umask may have taken from the mode what others are to have.
        File.SetUnixFileMode(aside, _mode);
        File.Move(aside, path, overwrite: true);
    }
}
