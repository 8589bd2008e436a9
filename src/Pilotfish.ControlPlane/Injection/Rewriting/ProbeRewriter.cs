using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.Merging;
using Pilotfish.Language.Numbers;

namespace Pilotfish.ControlPlane.Injection.Rewriting;

/// <summary>Sends the kubelet's probes to the agent, which asks the application from inside the pod: a probe from outside
/// would meet the captured port and its mutual TLS. The original probes go to the agent in a variable.</summary>
internal static class ProbeRewriter
{
    private const string ProbersVariable = "ISTIO_KUBE_APP_PROBERS";
    private const string RewriteKey = "sidecar.istio.io/rewriteAppHTTPProbers";
    private const string StatusPortKey = "status.sidecar.istio.io/port";
    private static readonly string[] s_handlers = ["httpGet", "tcpSocket", "grpc"];

    private static readonly (string Field, string PathEnd)[] s_probes =
        [("readinessProbe", "readyz"), ("livenessProbe", "livez"), ("startupProbe", "startupz")];

    private static readonly (string Field, string PathEnd)[] s_hooks = [("preStop", "prestopz"), ("postStart", "poststartz")];

    public static void Apply(YamlMapping pod, YamlMapping values, int statusPort)
    {
        var sidecar = PodContainers.Find(pod, ContainerNames.Proxy);
        var annotations = pod.At("metadata", "annotations") as YamlMapping;
        var rewrites = GoBoolean.Parse(annotations?.Text(RewriteKey))
            ?? values.IsTrueAt("sidecarInjectorWebhook", "rewriteAppHTTPProbe");
        if (sidecar is null || !rewrites)
        {
            return;
        }

        var probers = Collect(pod, statusPort);
        if (probers.Count > 0)
        {
            SetVariable(sidecar, probers, annotations?.ContainsKey(InjectionKeys.Status) == true);
        }

        var port = annotations?.Text(StatusPortKey) is { } text
            && DecimalText.TryParse(text.Trim(), out int own) ? own : statusPort;
        foreach (var (handler, path) in Handlers(pod))
        {
            Rewrite(handler, path, port);
        }
    }

    /// <summary>Every probe and hook of the applications, with the path under which the agent answers for it.</summary>
    private static IEnumerable<(YamlMapping Handler, string Path)> Handlers(YamlMapping pod)
    {
        foreach (var container in PodContainers.All(pod))
        {
            foreach (var found in HandlersOf(container))
            {
                yield return found;
            }
        }
    }

    private static IEnumerable<(YamlMapping Handler, string Path)> HandlersOf(YamlMapping container)
    {
        var name = container.Text("name");
        if (name == ContainerNames.Proxy)
        {
            yield break;
        }

        foreach (var (field, end) in s_probes)
        {
            if (container.Mapping(field) is { } probe)
            {
                yield return (probe, $"/app-health/{name}/{end}");
            }
        }

        foreach (var (field, end) in s_hooks)
        {
            if (container.Mapping("lifecycle")?.Mapping(field) is { } hook)
            {
                yield return (hook, $"/app-lifecycle/{name}/{end}");
            }
        }
    }

    /// <summary>The original handlers by path, ports resolved. What is rewritten already is left out.</summary>
    private static SortedDictionary<string, YamlMapping> Collect(YamlMapping pod, int statusPort)
    {
        var probers = new SortedDictionary<string, YamlMapping>(StringComparer.Ordinal);
        foreach (var container in PodContainers.All(pod))
        {
            foreach (var (handler, path) in HandlersOf(container))
            {
                if (ToProber(handler, container, statusPort) is { } prober)
                {
                    probers[path] = prober;
                }
            }
        }

        return probers;
    }

    private static YamlMapping? ToProber(YamlMapping handler, YamlMapping container, int statusPort)
    {
        var kind = s_handlers.FirstOrDefault(handler.ContainsKey);
        if (kind is null)
        {
            return null;
        }

        var prober = new YamlMapping();
        var action = (YamlMapping)handler[kind]!.Clone();
        prober[kind] = action;
        if (handler["timeoutSeconds"] is { } timeout)
        {
            prober["timeoutSeconds"] = timeout.Clone();
        }

        if (kind == "grpc")
        {
            return prober;
        }

        if (action["port"] is YamlScalar { Kind: YamlScalarKind.String } name)
        {
            var port = container.Items("ports").FirstOrDefault(p => p.Text("name") == name.Text)?["containerPort"];
            if (port is null)
            {
                return null;
            }

            action["port"] = port.Clone();
            return prober;
        }

        var isRewritten = action["port"] is YamlScalar scalar && scalar.TryGetInteger(out var number) && number == statusPort;
        return isRewritten ? null : prober;
    }

    private static void SetVariable(
        YamlMapping sidecar, SortedDictionary<string, YamlMapping> probers, bool wasInjected)
    {
        var merged = new YamlMapping();
        foreach (var (path, prober) in probers)
        {
            merged[path] = prober;
        }

        var existing = wasInjected ? sidecar.FindNamed("env", ProbersVariable) : null;
        if (existing is null)
        {
            var variable = new YamlMapping();
            variable.Set("name", ProbersVariable);
            variable.Set("value", NodeJson.Print(merged));
            sidecar.EnsureList("env").Items.Add(variable);
            return;
        }

        // Probes of the first injection are the applications' own and win over what a later one finds.
        var parsed = YamlDocuments.Parse(existing.Text("value") ?? "{}", ProbersVariable);
        if (parsed.IsOk && parsed.Documents is [YamlMapping earlier])
        {
            merged.Overlay(earlier);
            existing.Set("value", NodeJson.Print(merged));
        }
    }

    private static void Rewrite(YamlMapping handler, string path, int port)
    {
        var kind = s_handlers.FirstOrDefault(handler.ContainsKey);
        var isHook = path.StartsWith("/app-lifecycle/", StringComparison.Ordinal);
        if (kind is null || (isHook && kind == "grpc"))
        {
            return;
        }

        var action = kind == "httpGet" ? handler.Mapping(kind)! : new YamlMapping();
        handler.Remove(kind);
        handler["httpGet"] = action;
        action["port"] = YamlScalar.Integer(port);
        action.Set("path", path);
        if (action.Text("scheme") == "HTTPS")
        {
            // From the kubelet to the agent it is HTTP; the agent speaks HTTPS to the application.
            action.Set("scheme", "HTTP");
        }
    }
}
