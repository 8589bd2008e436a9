namespace Pilotfish.Agent.Identity;

/// <summary>Where Istio's agent looks for what it serves (istio pkg/security/security.go); relative to the working directory, as there.</summary>
internal sealed record SecretPaths
{
    public static readonly SecretPaths Default = new();

    /// <summary>Places of a mounted workload certificate, the first complete one wins over any authority.</summary>
    public IReadOnlyList<(string Chain, string Key, string Roots)> Mounted { get; init; } =
    [
        ("./var/run/secrets/workload-spiffe-credentials/cert-chain.pem",
            "./var/run/secrets/workload-spiffe-credentials/key.pem",
            "./var/run/secrets/workload-spiffe-credentials/root-cert.pem"),
        ("./var/run/secrets/workload-spiffe-credentials/certificates.pem",
            "./var/run/secrets/workload-spiffe-credentials/private_key.pem",
            "./var/run/secrets/workload-spiffe-credentials/ca_certificates.pem"),
        ("./etc/certs/cert-chain.pem", "./etc/certs/key.pem", "./etc/certs/root-cert.pem"),
    ];

    /// <summary>The bundle of the operating system, where distributions keep it: <c>file-root:system</c>.</summary>
    public IReadOnlyList<string> SystemRoots { get; init; } =
    [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/ca-bundle.pem",
        "/etc/pki/tls/cacert.pem",
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        "/etc/ssl/cert.pem",
    ];

    /// <summary>A revocation list that goes with every set of roots once it exists.</summary>
    public string RevocationList { get; init; } = "/var/run/secrets/istio/crl/ca-crl.pem";

    /// <summary>Without the places in a directory that the agent itself writes to: it would take its own certificate for a mounted one.</summary>
    public SecretPaths Without(string directory)
    {
        if (directory.Length == 0)
        {
            return this;
        }

        string full = Path.GetFullPath(directory).TrimEnd('/');
        return this with { Mounted = [.. Mounted.Where(place => Path.GetDirectoryName(Path.GetFullPath(place.Chain)) != full)] };
    }
}
