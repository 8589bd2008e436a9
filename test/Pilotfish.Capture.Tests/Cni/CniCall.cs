using System.Text.Json;
using Pilotfish.Capture.Cni;
using Pilotfish.Capture.Cni.Pods;
using Pilotfish.Capture.Command;

namespace Pilotfish.Capture.Tests.Cni;

/// <summary>Calls the plugin as a container runtime does, with the world around it in the test's hands.</summary>
internal sealed class CniCall : IPodSource
{
    private readonly Dictionary<string, string> _environment = new()
    {
        ["CNI_COMMAND"] = "ADD",
        ["CNI_CONTAINERID"] = "0123abcd",
        ["CNI_NETNS"] = "/proc/self/ns/net",
        ["CNI_IFNAME"] = "eth0",
        ["CNI_PATH"] = "/opt/cni/bin",
        ["CNI_ARGS"] = "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-0;K8S_POD_INFRA_CONTAINER_ID=0123abcd",
    };

    public string Config { get; set; } = """
        {"cniVersion": "1.0.0", "name": "k8s-pod-network", "type": "istio-cni",
         "prevResult": {"cniVersion": "1.0.0", "interfaces": [{"name": "eth0"}], "ips": [{"address": "10.0.0.5/24", "interface": 0}]},
         "exclude_namespaces": ["kube-system"], "pod_namespace": "istio-system"}
        """;

    public PodFacts Pod { get; set; } = Injected();

    /// <summary>How many questions about the pod fail before one is answered.</summary>
    public int LookupFailures { get; set; }

    public int Lookups { get; private set; }

    public TimeSpan Waited { get; private set; }

    /// <summary>What was to be applied; null when the pod was left alone.</summary>
    public IptablesOptions? Applied { get; private set; }

    /// <summary>Null: only remember the options.</summary>
    public Action<IptablesOptions>? Apply { get; set; }

    public HashSet<string> MissingPrograms { get; } = [];

    public string Log { get; private set; } = string.Empty;

    public static PodFacts Injected() => new()
    {
        Containers = new HashSet<string> { "istio-validation", "istio-proxy", "app" },
        Annotations = new Dictionary<string, string> { ["sidecar.istio.io/status"] = "{}" },
        ProxyType = "sidecar",
        ProxyUser = 1337,
        ProxyGroup = 1337,
    };

    public CniCall With(string variable, string value)
    {
        _environment[variable] = value;
        return this;
    }

    public CniCall Annotated(string name, string value)
    {
        Pod = Pod with { Annotations = new Dictionary<string, string>(Pod.Annotations) { [name] = value } };
        return this;
    }

    public CniCall WithVariable(string name, string value)
    {
        Pod = Pod with { ProxyEnvironment = new Dictionary<string, string>(Pod.ProxyEnvironment) { [name] = value } };
        return this;
    }

    public CniReply Run()
    {
        using var stdout = new StringWriter { NewLine = "\n" };
        using var stderr = new StringWriter { NewLine = "\n" };
        int code = CniCommand.Run(_environment, new StringReader(Config), stdout, new CniSurroundings
        {
            OpenPods = _ => this,
            Apply = options =>
            {
                Applied = options;
                Apply?.Invoke(options);
            },
            HasProgram = program => !MissingPrograms.Contains(program),
            Wait = time => Waited += time,
            Log = stderr,
        });
        Log = stderr.ToString();
        string text = stdout.ToString();
        return new CniReply(code, text.Length == 0 ? default : JsonDocument.Parse(text).RootElement);
    }

    PodFacts IPodSource.Get(string ns, string name)
    {
        Lookups++;
        return Lookups > LookupFailures ? Pod : throw new PodLookupException("The API is away.");
    }
}
