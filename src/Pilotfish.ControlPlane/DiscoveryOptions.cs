using Pilotfish.ControlPlane.Config;
using Pilotfish.ControlPlane.Push;
using Pilotfish.ControlPlane.Registry;

namespace Pilotfish.ControlPlane;

/// <summary>The settings of the role `discovery`: pilot-discovery's flags by their names, and our own for file sources.</summary>
public sealed record DiscoveryOptions
{
    private const string DefaultMeshFile = "./etc/istio/config/mesh";

    // Taken for the sake of existing manifests; they select what does not exist here.
    private static readonly HashSet<string> s_ignored = new(StringComparer.Ordinal)
    {
        "--keepaliveMaxServerConnectionAge", "--keepaliveInterval", "--keepaliveTimeout", "--log_output_level", "--log_target",
        "--log_as_json", "--log_stacktrace_level", "--log_caller", "--registries", "--namespace", "-n", "--kubeconfig", "--networksConfig",
        "--profile", "--ctrlz_port", "--ctrlz_address", "--plugins", "--shutdownDuration", "--tls-cipher-suites",
        "--resync", "--appNamespace", "-a", "--vklog", "--clusterRegistriesNamespace",
    };

    public IReadOnlyList<string> ConfigDirectories { get; init; } = [];

    /// <summary>Whether manifests in folders below count, too.</summary>
    public bool IsRecursive { get; init; } = true;

    /// <summary>Objects that the machine's side writes (pods, service addresses); they win over manifests of the same name.</summary>
    public string? StateDirectory { get; init; }

    public string? MeshConfigFile { get; init; }

    public string GrpcAddress { get; init; } = ":15010";

    public string SecureGrpcAddress { get; init; } = ":15012";

    public string HttpAddress { get; init; } = ":8080";

    /// <summary>The admission webhooks, over TLS; served only where a certificate is given.</summary>
    public string HttpsAddress { get; init; } = ":15017";

    public string MonitoringAddress { get; init; } = ":15014";

    public string? TlsCertFile { get; init; }

    public string? TlsKeyFile { get; init; }

    /// <summary>Roots of clients' certificates: a client that shows one must chain to them.</summary>
    public string? CaCertFile { get; init; }

    public PushContextOptions Context { get; init; } = new();

    /// <summary>Reads the arguments and the environment, or returns null with a sentence.</summary>
    public static DiscoveryOptions? Parse(
        IReadOnlyList<string> args, IReadOnlyDictionary<string, string> environment, out string error)
    {
        if (ControlPlaneFeatures.FromEnvironment(name => environment.GetValueOrDefault(name), out error) is not { } features)
        {
            return null;
        }

        var options = new DiscoveryOptions
        {
            MeshConfigFile = DefaultMeshFile,
            Context = new PushContextOptions
            {
                ClusterId = environment.GetValueOrDefault("CLUSTER_ID") ?? PushContextOptions.DefaultClusterId,
                Features = features,
            },
        };
        for (var i = 0; i < args.Count; i++)
        {
            var equals = args[i].IndexOf('=', StringComparison.Ordinal);
            var name = equals < 0 ? args[i] : args[i][..equals];
            var value = equals >= 0 ? args[i][(equals + 1)..]
                : i + 1 < args.Count && !args[i + 1].StartsWith("--", StringComparison.Ordinal) ? args[++i] : null;
            if (s_ignored.Contains(name))
            {
                continue;
            }

            if (options.With(name, value ?? "") is not { } next)
            {
                error = $"The flag '{name}' is not known to the role 'discovery'.";
                return null;
            }

            if (value is null)
            {
                error = $"The flag '{name}' needs a value.";
                return null;
            }

            if (name == "--recursive" && value is not ("true" or "false"))
            {
                error = $"The flag '{name}' takes true or false, not '{value}'.";
                return null;
            }

            options = next;
        }

        if (options.TlsCertFile is null != options.TlsKeyFile is null)
        {
            error = "The flags '--tlsCertFile' and '--tlsKeyFile' belong together; one of them is missing.";
            return null;
        }

        if (options.ConfigDirectories.FirstOrDefault(static folder => !Directory.Exists(folder)) is { } missing)
        {
            error = $"There is no folder '{missing}' (--configDir).";
            return null;
        }

        error = "";
        return options;
    }

    private DiscoveryOptions? With(string name, string value) => name switch
    {
        "--configDir" => this with { ConfigDirectories = [.. ConfigDirectories, value] },
        "--recursive" => this with { IsRecursive = value == "true" },
        "--stateDir" => this with { StateDirectory = value },
        "--meshConfigFile" or "--meshConfig" => this with { MeshConfigFile = value },
        "--grpcAddr" => this with { GrpcAddress = value },
        "--secureGRPCAddr" or "--secureGrpcAddr" => this with { SecureGrpcAddress = value },
        "--httpAddr" => this with { HttpAddress = value },
        "--httpsAddr" => this with { HttpsAddress = value },
        "--monitoringAddr" => this with { MonitoringAddress = value },
        "--tlsCertFile" => this with { TlsCertFile = value },
        "--tlsKeyFile" => this with { TlsKeyFile = value },
        "--caCertFile" => this with { CaCertFile = value },
        "--domain" => this with { Context = Context with { DomainSuffix = value.Length > 0 ? value : HostNames.DefaultDomainSuffix } },
        "--clusterID" => this with { Context = Context with { ClusterId = value } },
        _ => null,
    };
}
