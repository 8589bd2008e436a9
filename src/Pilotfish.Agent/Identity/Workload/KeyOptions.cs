using Pilotfish.Agent.Bootstrap;

namespace Pilotfish.Agent.Identity.Workload;

/// <summary>Which key a workload makes for itself (istio pilot/cmd/pilot-agent/options and security/pkg/pki/util).</summary>
internal sealed record KeyOptions
{
    public const int RsaBitsMin = 2048;

    // Beyond it a key takes a minute to make and every handshake tens of milliseconds.
    public const int RsaBitsMax = 8192;
    private const string Ecdsa = "ECDSA";
    private const string P384 = "P384";

    public KeyKind Kind { get; init; } = KeyKind.Rsa;

    public int RsaBits { get; init; } = RsaBitsMin;

    /// <summary>PKCS #8 in place of the older forms of each kind, PKCS #1 and SEC 1.</summary>
    public bool IsPkcs8 { get; init; }

    /// <summary>Why no such key can be made, as a sentence; null when it can. As with Istio it ends no start: files may be mounted instead.</summary>
    public string? Problem { get; init; }

    public static KeyOptions Read(AgentEnvironment environment)
    {
        bool isPkcs8 = environment.Flag(AgentVariables.Pkcs8Key, false);
        string algorithm = environment.Text(AgentVariables.EccSignatureAlgorithm);
        if (algorithm == Ecdsa)
        {
            bool isLong = environment.Text(AgentVariables.EccCurve) == P384;
            return new KeyOptions { Kind = isLong ? KeyKind.EcdsaP384 : KeyKind.EcdsaP256, IsPkcs8 = isPkcs8 };
        }

        int bits = environment.Number(AgentVariables.WorkloadRsaKeySize, RsaBitsMin);
        string? problem = algorithm.Length > 0
            ? $"{AgentVariables.EccSignatureAlgorithm} is '{algorithm}'; only '{Ecdsa}' is known, and without it the key is RSA."
            : bits is < RsaBitsMin or > RsaBitsMax
                ? $"{AgentVariables.WorkloadRsaKeySize} is {bits}; it must be from {RsaBitsMin} to {RsaBitsMax}."
                : null;
        return new KeyOptions { RsaBits = bits, IsPkcs8 = isPkcs8, Problem = problem };
    }
}
