using Pilotfish.Agent.Bootstrap;

namespace Pilotfish.Agent.Identity;

/// <summary>What a name on the agent's SDS socket means.</summary>
internal readonly record struct SecretName(SecretNameKind Kind, string Chain, string Key)
{
    private const string CertificatePrefix = "file-cert:";
    private const string RootPrefix = "file-root:";
    private const string SystemRoots = "system";
    private const char Separator = '~';

    /// <summary>False for a name that the agent serves nothing under.</summary>
    public static bool TryParse(string name, out SecretName parsed)
    {
        parsed = default;
        if (name is Secrets.Certificate or Secrets.Roots)
        {
            parsed = new SecretName(name == Secrets.Certificate ? SecretNameKind.WorkloadCertificate : SecretNameKind.WorkloadRoots, "", "");
            return true;
        }

        if (name.StartsWith(RootPrefix, StringComparison.Ordinal))
        {
            string path = name[RootPrefix.Length..];
            parsed = new SecretName(path == SystemRoots ? SecretNameKind.SystemRoots : SecretNameKind.RootFile, path, "");
            return path.Length > 0 && !path.Contains(Separator);
        }

        if (!name.StartsWith(CertificatePrefix, StringComparison.Ordinal))
        {
            return false;
        }

        string[] parts = name[CertificatePrefix.Length..].Split(Separator);
        if (parts is not [{ Length: > 0 } chain, { Length: > 0 } key])
        {
            return false;
        }

        parsed = new SecretName(SecretNameKind.CertificateFiles, chain, key);
        return true;
    }
}
