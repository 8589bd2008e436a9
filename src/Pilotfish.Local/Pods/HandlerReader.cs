using System.Globalization;
using Pilotfish.Api.Yaml;
using Pilotfish.Local.Manifests;

namespace Pilotfish.Local.Pods;

/// <summary>Reads probes and hooks, with Kubernetes' defaults, and turns names of ports into numbers.</summary>
internal sealed class HandlerReader(IReadOnlyList<ContainerPort> ports)
{
    public ProbeSpec? ReadProbe(YamlMapping? probe) => probe is null
        ? null
        : new ProbeSpec(
            ReadHandler(probe) ?? throw new ManifestException(probe.Position, "The probe must have httpGet, tcpSocket, grpc or exec."),
            TimeSpan.FromSeconds(probe.NumberOf("initialDelaySeconds", 0)),
            TimeSpan.FromSeconds(Math.Max(1, probe.NumberOf("periodSeconds", 10))),
            TimeSpan.FromSeconds(Math.Max(1, probe.NumberOf("timeoutSeconds", 1))),
            Math.Max(1, probe.NumberOf("successThreshold", 1)),
            Math.Max(1, probe.NumberOf("failureThreshold", 3)),
            probe.OptionalNumberOf("terminationGracePeriodSeconds"));

    public HandlerSpec? ReadHandler(YamlMapping? handler)
    {
        if (handler?.MappingOf("httpGet") is { } http)
        {
            return new HandlerSpec.Http(
                http.TextOf("host"),
                ReadPort(http),
                http.TextOf("path") ?? "/",
                string.Equals(http.TextOf("scheme"), "HTTPS", StringComparison.OrdinalIgnoreCase),
                [.. http.MappingsOf("httpHeaders").Select(h =>
                    new KeyValuePair<string, string>(h.Demand("name", "The header"), h.TextOf("value") ?? string.Empty))]);
        }

        if (handler?.MappingOf("tcpSocket") is { } tcp)
        {
            return new HandlerSpec.Tcp(tcp.TextOf("host"), ReadPort(tcp));
        }

        if (handler?.MappingOf("grpc") is { } grpc)
        {
            return new HandlerSpec.Grpc(ReadPort(grpc), grpc.TextOf("service") ?? string.Empty);
        }

        if (handler?.MappingOf("exec") is { } exec)
        {
            return new HandlerSpec.Exec(exec.TextsOf("command"));
        }

        return handler?.MappingOf("sleep") is { } sleep
            ? new HandlerSpec.Pause(TimeSpan.FromSeconds(sleep.NumberOf("seconds", 0)))
            : null;
    }

    private int ReadPort(YamlMapping parent)
    {
        string text = parent.Demand("port", "The check");
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number is > 0 and <= 65535)
        {
            return number;
        }

        return ports.FirstOrDefault(p => p.Name == text)?.Port
            ?? throw new ManifestException(parent.Position, $"Port '{text}' is neither a number nor the name of a port of the container.");
    }
}
