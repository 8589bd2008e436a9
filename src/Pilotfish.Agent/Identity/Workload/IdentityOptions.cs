using System.Text;
using Pilotfish.Agent.Bootstrap;
using Pilotfish.Api.Names;

namespace Pilotfish.Agent.Identity.Workload;

/// <summary>What the workload's certificate says and how long it lives, from the environment (istio pilot/cmd/pilot-agent/options/security.go).</summary>
internal sealed record IdentityOptions
{
    private const string Citadel = "Citadel";
    private const string GoogleCa = "GoogleCA";
    private const string GoogleApis = "googleapis.com";
    private const string GkeFiles = "GkeWorkloadCertificate";
    private const string TokenFetcher = "JWT";

    public required SpiffeId Identity { get; init; }

    /// <summary>The life that is asked for; the authority may give another one.</summary>
    public TimeSpan Lifetime { get; init; } = TimeSpan.FromHours(24);

    /// <summary>The part of its life that a certificate still has when it is renewed.</summary>
    public double GraceRatio { get; init; } = 0.5;

    /// <summary>By how much <see cref="GraceRatio"/> is changed at random, so that a fleet does not renew in step.</summary>
    public double GraceRatioJitter { get; init; } = 0.01;

    public KeyOptions Key { get; init; } = new();

    /// <summary>Tells the authority which signer to use; empty for its own choice.</summary>
    public string Signer { get; init; } = "";

    /// <summary>Whether certificates come from files or another server alone.</summary>
    public bool UsesFilesOnly { get; init; }

    /// <summary>Where certificate, key and roots are written for other programs; empty for nowhere.</summary>
    public string OutputDirectory { get; init; } = "";

    /// <summary>Whether other containers of the pod may read what is written (see docs/agent.md).</summary>
    public bool SharesOutput { get; init; }

    /// <summary>Why no certificate can be asked for with these settings; null when one can.</summary>
    public string? Problem => Key.Problem ?? (Ascii.IsValid(Identity.ToString()) ? null : $"The identity '{Identity}' has characters that no certificate can hold.");

    /// <param name="environment">Variables.</param>
    /// <param name="authorityAddress">Where the authority is.</param>
    /// <param name="isServedByAnother">Whether another server has the workload's certificate, so that no authority is needed.</param>
    /// <exception cref="AgentConfigException">The settings contradict each other, or need what does not exist here.</exception>
    public static IdentityOptions Read(AgentEnvironment environment, string authorityAddress, bool isServedByAnother)
    {
        bool areMounted = environment.Flag(AgentVariables.FileMountedCertificates, false);
        bool isProvisioned = environment.Text(AgentVariables.ProvisionedCertificates).Length > 0;
        if (areMounted && isProvisioned)
        {
            throw new AgentConfigException("invalid options: PROV_CERT and FILE_MOUNTED_CERTS are mutually exclusive");
        }

        CheckFetcher(environment.Text(AgentVariables.CredentialFetcherType, TokenFetcher));
        return new IdentityOptions
        {
            Identity = new SpiffeId(
                environment.Text(AgentVariables.TrustDomain, "cluster.local"),
                environment.Text(AgentVariables.PodNamespace),
                environment.Text(AgentVariables.ServiceAccount)),
            Lifetime = Positive(environment.Duration(AgentVariables.SecretTtl, TimeSpan.FromHours(24))),
            GraceRatio = environment.Fraction(AgentVariables.SecretGracePeriodRatio, 0.5),
            GraceRatioJitter = environment.Fraction(AgentVariables.SecretGracePeriodRatioJitter, 0.01),
            Key = KeyOptions.Read(environment),
            Signer = environment.Text(AgentVariables.CertificateSigner),
            UsesFilesOnly = isServedByAnother
                || !NeedsAuthority(environment.Text(AgentVariables.CaProvider, Citadel), authorityAddress, areMounted, isProvisioned),
            OutputDirectory = environment.Text(AgentVariables.OutputCertificates),
            SharesOutput = environment.Text(AgentVariables.KubernetesServiceHost).Length > 0,
        };
    }

    // A life of nothing would be asked for again and again.
    private static TimeSpan Positive(TimeSpan lifetime) => lifetime >= TimeSpan.FromSeconds(1) ? lifetime : TimeSpan.FromHours(24);

    private static void CheckFetcher(string fetcher)
    {
        if (fetcher != TokenFetcher)
        {
            throw new AgentConfigException(
                $"failed to create credential fetcher: {AgentVariables.CredentialFetcherType} is '{fetcher}', and Pilotfish knows '{TokenFetcher}' alone");
        }
    }

    private static bool NeedsAuthority(string provider, string address, bool areMounted, bool isProvisioned)
    {
        if (provider == GkeFiles)
        {
            // Their presence is told by the store, which waits for them: the volume may be filled after the start.
            return !isProvisioned
                ? false
                : throw new AgentConfigException("invalid options: PROV_CERT and FILE_MOUNTED_CERTS of GKE workload cert are mutually exclusive");
        }

        string effective = address.Contains(GoogleApis, StringComparison.Ordinal) ? GoogleCa : provider;
        return areMounted
            ? false
            : effective == Citadel
                ? true
                : throw new AgentConfigException(
                    $"CA provider \"{effective}\" not registered: {AgentVariables.CaProvider} may be '{Citadel}' or '{GkeFiles}' (files)");
    }
}
