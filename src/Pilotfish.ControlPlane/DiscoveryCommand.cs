using System.Security.Cryptography;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Pilotfish.Api.Failures;
using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Config;
using Pilotfish.ControlPlane.Injection;
using Pilotfish.ControlPlane.Injection.Webhook;
using Pilotfish.ControlPlane.Sources.Objects;
using Pilotfish.ControlPlane.Xds;

namespace Pilotfish.ControlPlane;

/// <summary>The role `discovery`.</summary>
public static class DiscoveryCommand
{
    private const int ExitSuccess = 0;
    private const int ExitFailure = 1;
    private const int ExitUsage = 64;

    /// <summary>Where istiod's deployment mounts the ConfigMap istio-sidecar-injector.</summary>
    private const string InjectionFolder = "/var/lib/istio/inject";

    /// <summary>istiod's variable for the platform; on OpenShift the namespace's annotations choose the proxy's ids.</summary>
    private const string PlatformVariable = "PLATFORM";

    private const string OpenShift = "openshift";

    /// <summary>Runs until a signal ends it. <paramref name="map"/> adds endpoints that live beside the server's own.</summary>
    public static async Task<int> RunAsync(
        IReadOnlyList<string> args, IReadOnlyDictionary<string, string> environment, TextWriter stdout, TextWriter stderr,
        Action<IEndpointRouteBuilder>? map = null)
    {
        // pilot-discovery is called as `pilot-discovery discovery ...`; injected manifests may repeat the word.
        var own = args.Count > 0 && args[0] == "discovery" ? args.Skip(1).ToList() : args;
        if (own.Any(static arg => arg is "--help" or "-h"))
        {
            stdout.WriteLine(DiscoveryHelp.Text);
            return ExitSuccess;
        }

        if (DiscoveryOptions.Parse(own, environment, out var usageError) is not { } options)
        {
            stderr.WriteLine(usageError);
            return ExitUsage;
        }

        try
        {
            var injection = new InjectionSettingsFiles(
                InjectionFolder, options.MeshConfigFile, name => environment.GetValueOrDefault(name), stderr.WriteLine);
            await using var host = DiscoveryHost.Create(options, endpoints =>
            {
                var server = endpoints.ServiceProvider.GetRequiredService<DiscoveryServer>();
                var native = environment.GetValueOrDefault(NativeSidecarNodes.Variable);
                bool isOpenShift = environment.GetValueOrDefault(PlatformVariable) == OpenShift;
                endpoints.MapInjection(new InjectionWebhook(
                    injection.Current,
                    ns => isOpenShift && server.Current is { } now ? NamespaceAnnotations.Of(now.Snapshot, ns) : null,
                    node => NativeSidecarNodes.Decide(native, KubeletVersions(server), node)))
                    .MapValidation();
                map?.Invoke(endpoints);
            });
            if (UnservedForLackOfCertificate(options) is { } unserved)
            {
                stderr.WriteLine(unserved);
            }

            await host.RunAsync(CancellationToken.None);
            return ExitSuccess;
        }
        catch (ArgumentException e)
        {
            stderr.WriteLine(e.Message);
            return ExitUsage;
        }
        catch (CryptographicException e)
        {
            stderr.WriteLine($"The certificate '{options.TlsCertFile}' or its key '{options.TlsKeyFile}' cannot be used: {e.Message}");
            return ExitFailure;
        }
        catch (IOException e) when (e.InnerException is AddressInUseException)
        {
            // Its sentence names the address.
            stderr.WriteLine($"The control plane cannot start: {e.Message} Choose others with --grpcAddr, --httpAddr, --monitoringAddr and so on.");
            return ExitFailure;
        }
        catch (IOException e)
        {
            stderr.WriteLine($"The control plane cannot start: {FailureText.Of(e)}");
            return ExitFailure;
        }
    }

    // Internal for testing.
    /// <summary>A sentence about addresses that were asked for and need a certificate; null where there are none, or one is given.</summary>
    internal static string? UnservedForLackOfCertificate(DiscoveryOptions options)
    {
        string[] addresses =
        [
            .. options.SecureGrpcAddress.Length > 0 ? new[] { $"{options.SecureGrpcAddress} (xDS over TLS)" } : [],
            .. options.HttpsAddress.Length > 0 ? new[] { $"{options.HttpsAddress} (webhooks)" } : [],
        ];
        return options.TlsCertFile is not null || addresses.Length == 0
            ? null
            : $"No certificate is given (--tlsCertFile, --tlsKeyFile): {string.Join(" and ", addresses)} {(addresses.Length == 1 ? "is" : "are")} not served.";
    }

    private static Dictionary<string, string> KubeletVersions(DiscoveryServer server) =>
        (server.Current?.Snapshot.OfKind(ConfigKind.Node) ?? []).ToDictionary(
            node => node.Key.Name, node => node.As<KubernetesNode>().KubeletVersion, StringComparer.Ordinal);
}
