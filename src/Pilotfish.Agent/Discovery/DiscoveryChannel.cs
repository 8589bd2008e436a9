using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Envoy.Config.Cluster.V3;
using Pilotfish.Api.Failures;
using Pilotfish.Api.Names;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Diagnostics;

namespace Pilotfish.Agent.Discovery;

/// <summary>
/// The way to the control plane or to the authority: plaintext on 15010, else TLS that trusts the mounted root and nothing else. Root, token
/// and provisioned certificate are read anew before each call, because the kubelet replaces them while the pod runs. Main loop.
/// </summary>
/// <param name="target">Where it is.</param>
/// <param name="cluster">What the cluster to it has besides address and TLS, such as the bootstrap's breakers.</param>
/// <param name="wallNow">The wall clock, by which a provisioned certificate expires.</param>
public sealed class DiscoveryChannel(DiscoveryTarget target, Cluster cluster, Func<DateTimeOffset> wallNow) : IControlPlane
{
    private const string SystemRoots = "SYSTEM";

    private bool _saidTokenIsMissing;

    public string Name => target.Address;

    public ControlPlaneCall Prepare()
    {
        if (!TryReadTls(out DiscoveryTls? tls, out string failure))
        {
            return new ControlPlaneCall { Failure = failure };
        }

        List<KeyValuePair<string, string>> headers = [new(ControlPlaneNames.ClusterIdHeader.ToLowerInvariant(), target.ClusterId), .. target.ExtraHeaders];
        if ((target.IsTls || target.SendsTokenInClear) && TryReadToken(out string token))
        {
            headers.Add(new("authorization", $"Bearer {token}"));
        }

        return new ControlPlaneCall
        {
            Cluster = DiscoveryCluster.Build(cluster, target, tls),
            Authority = target.Address,
            Headers = headers,
        };
    }

    public string? Advice(string transportFailure) =>
        DiscoveryAdvice.Of(transportFailure, target) is { } advice ? $"The {target.ServerKind} {target.Address} is not trusted: {advice}" : null;

    /// <summary>A failure ends this attempt with its sentence; the file may be mounted by the next one.</summary>
    private bool TryReadTls(out DiscoveryTls? tls, out string failure)
    {
        tls = null;
        failure = "";
        if (!target.IsTls)
        {
            // The bytes are not even looked at: a plaintext control plane must not load the crypto library.
            return true;
        }

        byte[]? roots = null;
        try
        {
            if (target.RootFile != SystemRoots)
            {
                roots = File.ReadAllBytes(target.RootFile);
                new X509Certificate2Collection().ImportFromPem(Encoding.ASCII.GetString(roots));
            }
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            failure = $"The {target.ServerKind}'s root certificate '{target.RootFile}' is not there (yet); mount it, or name another with {target.RootSetting}.";
            return false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            failure = $"The {target.ServerKind}'s root certificate '{target.RootFile}' cannot be used: {FailureText.Of(e)}";
            return false;
        }

        tls = new DiscoveryTls(roots, ReadCertificate());
        return true;
    }

    /// <summary>Of a machine that was provisioned with one; while it is missing or after its end the token must do.</summary>
    private (byte[] Chain, byte[] Key)? ReadCertificate()
    {
        if (target.Certificate is not { } files)
        {
            return null;
        }

        try
        {
            byte[] chain = File.ReadAllBytes(files.Chain);
            using (X509Certificate2 leaf = X509Certificate2.CreateFromPem(Encoding.ASCII.GetString(chain)))
            {
                if (leaf.NotAfter.ToUniversalTime() < wallNow().UtcDateTime)
                {
                    Log.Warning(LogComponent.Agent, $"'{files.Chain}' has expired and is not shown to the {target.ServerKind}, which must take the token alone.");
                    return null;
                }
            }

            return (chain, File.ReadAllBytes(files.Key));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Log.Debug(LogComponent.Agent, $"no certificate to show to the {target.ServerKind}: {FailureText.Of(e)}");
            return null;
        }
        catch (CryptographicException e)
        {
            Log.Warning(LogComponent.Agent, $"'{files.Chain}' is no certificate to show to the {target.ServerKind}, which must take the token alone: {FailureText.Of(e)}.");
            return null;
        }
    }

    /// <summary>Without a token the call goes out all the same: the control plane then says what it misses.</summary>
    private bool TryReadToken(out string token)
    {
        try
        {
            token = File.ReadAllText(target.TokenFile).Trim();
            if (token.Length == 0)
            {
                SayTokenIsMissing("it is empty");
            }

            return token.Length > 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Not mounted: VMs identify themselves by certificate.
            SayTokenIsMissing(e is FileNotFoundException or DirectoryNotFoundException ? "no such file" : "it cannot be read");
            token = "";
            return false;
        }
    }

    /// <summary>Once: the attempts that follow have the same reason.</summary>
    private void SayTokenIsMissing(string why)
    {
        if (!_saidTokenIsMissing)
        {
            _saidTokenIsMissing = true;
            Log.Warning(LogComponent.Agent, $"There is no token in '{target.TokenFile}' ({why}): the {target.ServerKind} is asked without one and may refuse.");
        }
    }
}
