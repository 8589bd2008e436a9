using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Pilotfish.Runtime.Diagnostics;

namespace Pilotfish.Agent.Discovery;

/// <summary>
/// Judges the certificate that the control plane shows, and says in the log why it is refused: the exception that follows names
/// neither names nor dates. Any thread.
/// </summary>
internal sealed class ServerCertificateCheck(DiscoveryTarget target)
{
    public bool Accept(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (errors == SslPolicyErrors.None)
        {
            return true;
        }

        Log.Warning(LogComponent.Agent, $"The control plane {target.Address} is not trusted: {Reason(certificate as X509Certificate2, chain, errors)}");
        return false;
    }

    /// <summary>Internal for testing.</summary>
    internal string Reason(X509Certificate2? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (certificate is null)
        {
            return "it shows no certificate.";
        }

        var statuses = X509ChainStatusFlags.NoError;
        foreach (X509ChainStatus status in chain?.ChainStatus ?? [])
        {
            statuses |= status.Status;
        }

        // Time first: an expired certificate is usually also the reason for everything else that is wrong with it.
        if (statuses.HasFlag(X509ChainStatusFlags.NotTimeValid))
        {
            return FormattableString.Invariant(
                $"its certificate or one above it is valid from {certificate.NotBefore.ToUniversalTime():u} to {certificate.NotAfter.ToUniversalTime():u} only; renew it, or set this machine's clock right.");
        }

        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateChainErrors))
        {
            return $"its certificate ({certificate.Subject}, by {certificate.Issuer}) does not chain to a root in '{target.RootFile}' "
                + $"({statuses}). Mount the root that signed it, or name its file with XDS_ROOT_CA.";
        }

        return $"its certificate is for {Names(certificate)}, not for '{target.ServerName}'. Dial it by one of its names, or set ISTIOD_SAN to one.";
    }

    private static string Names(X509Certificate2 certificate)
    {
        foreach (X509Extension extension in certificate.Extensions)
        {
            if (extension is X509SubjectAlternativeNameExtension names)
            {
                string[] all = [.. names.EnumerateDnsNames(), .. names.EnumerateIPAddresses().Select(ip => ip.ToString())];
                return all.Length > 0 ? string.Join(", ", all.Select(name => $"'{name}'")) : "no DNS name";
            }
        }

        return "no DNS name";
    }
}
