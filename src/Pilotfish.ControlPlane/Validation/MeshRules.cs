using System.Text.Json;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Istio.Mesh.V1Alpha1;
using Pilotfish.Language.Formats;
using Provider = Istio.Mesh.V1Alpha1.MeshConfig.Types.ExtensionProvider;

namespace Pilotfish.ControlPlane.Validation;

/// <summary>
/// What a mesh configuration says of access logs beyond its types: formats that a proxy would refuse, and providers that Istio refuses
/// (istio/istio pkg/config/validation/agent/extensionprovider.go). A format is compiled by every proxy of the mesh: one mistake in it would keep
/// all of them from any new listener, so it is refused here, where its place in the file is known.
/// </summary>
internal static class MeshRules
{
    public static IReadOnlyList<ConfigProblem> Check(MeshConfig mesh)
    {
        var problems = new ConfigProblems();
        CheckMeshFormat(mesh, problems);
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < mesh.ExtensionProviders.Count; i++)
        {
            CheckProvider(mesh.ExtensionProviders[i], $"extensionProviders[{i}]", names, problems);
        }

        return problems.All;
    }

    private static void CheckMeshFormat(MeshConfig mesh, ConfigProblems problems)
    {
        const string Path = "accessLogFormat";
        if (mesh.AccessLogFormat.Length == 0)
        {
            return;
        }

        if (mesh.AccessLogEncoding == MeshConfig.Types.AccessLogEncoding.Text)
        {
            CheckText(mesh.AccessLogFormat, Path, problems);
            return;
        }

        try
        {
            using var parsed = JsonDocument.Parse(mesh.AccessLogFormat);
            CheckJson(parsed.RootElement, Path, problems);
        }
        catch (JsonException e)
        {
            problems.Add(Path, $"with accessLogEncoding JSON it must be a JSON object, but it is no JSON at line {e.LineNumber + 1}, column "
                + $"{e.BytePositionInLine + 1} of the format.");
        }
    }

    private static void CheckJson(JsonElement root, string path, ConfigProblems problems)
    {
        if (root.ValueKind == JsonValueKind.Object)
        {
            CheckLabels(JsonParser.Default.Parse<Struct>(root.GetRawText()), path, problems);
            return;
        }

        problems.Add(path, "with accessLogEncoding JSON it must be a JSON object of keys and formats.");
    }

    private static void CheckProvider(Provider provider, string path, HashSet<string> names, ConfigProblems problems)
    {
        if (provider.Name.Length == 0)
        {
            problems.Add($"{path}.name", "a name is needed.");
        }
        else if (!names.Add(provider.Name))
        {
            problems.Add($"{path}.name", $"'{provider.Name}' is the name of two providers.");
        }

        switch (provider.ProviderCase)
        {
            case Provider.ProviderOneofCase.EnvoyFileAccessLog:
                var file = provider.EnvoyFileAccessLog.LogFormat;
                CheckText(file?.Text ?? "", $"{path}.envoyFileAccessLog.logFormat.text", problems);
                CheckLabels(file?.Labels, $"{path}.envoyFileAccessLog.logFormat.labels", problems);
                break;
            case Provider.ProviderOneofCase.EnvoyHttpAls:
                CheckService(provider.EnvoyHttpAls.Service, provider.EnvoyHttpAls.Port, $"{path}.envoyHttpAls", problems);
                break;
            case Provider.ProviderOneofCase.EnvoyTcpAls:
                CheckService(provider.EnvoyTcpAls.Service, provider.EnvoyTcpAls.Port, $"{path}.envoyTcpAls", problems);
                break;
            case Provider.ProviderOneofCase.EnvoyOtelAls:
                var collector = provider.EnvoyOtelAls;
                CheckService(collector.Service, collector.Port, $"{path}.envoyOtelAls", problems);
                CheckText(collector.LogFormat?.Text ?? "", $"{path}.envoyOtelAls.logFormat.text", problems);
                CheckLabels(collector.LogFormat?.Labels, $"{path}.envoyOtelAls.logFormat.labels", problems);
                break;
            case Provider.ProviderOneofCase.None:
                problems.Add(path, "it provides nothing: one of envoyFileAccessLog, envoyHttpAls, envoyTcpAls, envoyOtelAls, prometheus and so on is needed.");
                break;
            default:
                break;
        }
    }

    private static void CheckService(string service, uint port, string path, ConfigProblems problems)
    {
        var slash = service.IndexOf('/', StringComparison.Ordinal);
        var host = slash < 0 ? service : service[(slash + 1)..];
        var isHost = HostRules.IsHost(host) || (slash < 0 && HostRules.IsAddress(host));
        if (!isHost || (slash >= 0 && !HostRules.IsLabel(service[..slash])))
        {
            problems.Add($"{path}.service", $"'{service}' is no host name, nor namespace/hostname.");
        }

        if (port is 0 or > 65535)
        {
            problems.Add($"{path}.port", $"{port} is not between 1 and 65535.");
        }
    }

    private static void CheckLabels(Struct? labels, string path, ConfigProblems problems)
    {
        foreach (var (key, value) in labels?.Fields ?? [])
        {
            CheckValue(value, $"{path}.{key}", problems);
        }
    }

    private static void CheckValue(Value value, string path, ConfigProblems problems)
    {
        switch (value.KindCase)
        {
            case Value.KindOneofCase.StringValue:
                CheckText(value.StringValue, path, problems);
                break;
            case Value.KindOneofCase.StructValue:
                CheckLabels(value.StructValue, path, problems);
                break;
            case Value.KindOneofCase.ListValue:
                for (var i = 0; i < value.ListValue.Values.Count; i++)
                {
                    CheckValue(value.ListValue.Values[i], $"{path}[{i}]", problems);
                }

                break;
            default:
                break;
        }
    }

    private static void CheckText(string format, string path, ConfigProblems problems)
    {
        try
        {
            FormatOperatorTable.CheckFormat(format);
        }
        catch (FormatSyntaxException e)
        {
            problems.Add(path, $"{e.Message}.");
        }
    }
}
