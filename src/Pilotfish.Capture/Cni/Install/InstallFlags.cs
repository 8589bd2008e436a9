using Pilotfish.Capture.Command;

namespace Pilotfish.Capture.Cni.Install;

/// <summary>The flags of install-cni with their variables and defaults, and five of our own behind them.</summary>
internal static class InstallFlags
{
    public const string ConfigName = "cni-conf-name";
    public const string Chained = "chained-cni-plugin";
    public const string NetworkConfig = "cni-network-config";
    public const string NetworkConfigFile = "cni-network-config-file";
    public const string OwnedName = "istio-owned-cni-config-filename";
    public const string Owned = "istio-owned-cni-config";
    public const string LogLevel = "log-level";
    public const string NetDir = "mounted-cni-net-dir";
    public const string RunDir = "cni-agent-run-dir";
    public const string KubeconfigMode = "kubeconfig-mode";
    public const string GroupRead = "cni-conf-group-read";
    public const string CaFile = "kube-ca-file";
    public const string SkipVerify = "skip-tls-verify";
    public const string ExcludeNamespaces = "exclude-namespaces";
    public const string PodNamespace = "pod-namespace";
    public const string NativeNftables = "native-nftables";
    public const string BinarySource = "cni-bin-source";
    public const string BinDir = "mounted-cni-bin-dir";
    public const string AccountDir = "service-account-dir";
    public const string ReadinessPort = "readiness-port";
    public const string RepairEnabled = "repair-enabled";
    public const string RepairRepairPods = "repair-repair-pods";
    public const string RepairDeletePods = "repair-delete-pods";
    public const string RepairLabelPods = "repair-label-pods";
    public const string RepairLabelKey = "repair-broken-pod-label-key";
    public const string RepairLabelValue = "repair-broken-pod-label-value";
    public const string RepairNodeName = "repair-node-name";
    public const string RepairSidecarAnnotation = "repair-sidecar-annotation";
    public const string RepairInitContainerName = "repair-init-container-name";
    public const string RepairInitMessage = "repair-init-container-termination-message";
    public const string RepairInitExitCode = "repair-init-container-exit-code";
    public const string RepairLabelSelectors = "repair-label-selectors";
    public const string RepairFieldSelectors = "repair-field-selectors";
    public const string ProcDir = "host-proc-dir";
    public const string Help = "help";

    public static readonly IReadOnlyList<FlagDefinition> All =
    [
        Text(ConfigName, string.Empty, "file in the network folder to chain into; empty: the first valid one"),
        Switch(Chained, "true", "become the last plugin of another network; false: a configuration of our own"),
        Text(NetworkConfig, string.Empty, "our plugin's entry as JSON instead of the one made from these flags"),
        Text(NetworkConfigFile, string.Empty, "the same, from a file"),
        Text(OwnedName, "02-istio-cni.conflist", "name of our own copy of the chain"),
        Switch(Owned, "false", "write a copy of the chain instead of changing the other's file"),
        Text(LogLevel, "warn", "level of the plugin's log"),
        Text(NetDir, "/host/etc/cni/net.d", "the node's folder of network configurations"),
        Text(RunDir, "/var/run/istio-cni", "the node's folder for the kubeconfig, at the same path here"),
        Text(KubeconfigMode, "384", "mode of the kubeconfig (384 is 0600; 0o600 is understood)"),
        Switch(GroupRead, "false", "a new network configuration is readable by its group"),
        Text(CaFile, string.Empty, "authorities for the kubeconfig; empty: the service account's"),
        Switch(SkipVerify, "false", "a kubeconfig that trusts any API server"),
        Text(ExcludeNamespaces, string.Empty, "namespaces whose pods are left alone"),
        Text(PodNamespace, string.Empty, "the namespace this pod runs in"),
        Switch(NativeNftables, "false", "rules through nft"),
        Text(BinarySource, string.Empty, "the program to install as istio-cni; empty: this one"),
        Text(BinDir, "/host/opt/cni/bin", "the node's folder of plugins"),
        Text(AccountDir, "/var/run/secrets/kubernetes.io/serviceaccount", "token and ca.crt of this pod"),
        Text(ReadinessPort, "8000", "port of /readyz and /healthz; 0 chooses one"),

        Text(ProcDir, "/host/proc", "the node's /proc, where repair looks for a pod's network"),
        Switch(RepairEnabled, "true", "look for pods that started before this node could capture them"),
        Switch(RepairRepairPods, "false", "set their rules now"),
        Switch(RepairDeletePods, "false", "else delete them"),
        Switch(RepairLabelPods, "false", "else label them"),
        Text(RepairLabelKey, "cni.istio.io/uninitialized", "the label's key"),
        Text(RepairLabelValue, "true", "the label's value"),
        Text(RepairNodeName, string.Empty, "whose pods; empty: those of all nodes"),
        Text(RepairSidecarAnnotation, "sidecar.istio.io/status", "the annotation of pods that count"),
        Text(RepairInitContainerName, "istio-validation", "the container whose end tells; empty: any"),
        Text(RepairInitMessage, string.Empty, "its termination message; empty: any"),
        Text(RepairInitExitCode, "126", "its exit code; 0: any"),
        Text(RepairLabelSelectors, string.Empty, "further label selectors for pods, for instance app=web"),
        Text(RepairFieldSelectors, string.Empty, "further field selectors for pods"),

        // Parts that are not here: the ambient mode, logs by socket, and the agent's own metrics.
        Accepted("monitoring-port"),
        Accepted("ztunnel-uds-address"),
        AcceptedSwitch("ambient-enabled"),
        AcceptedSwitch("enable-ambient-detection-retry"),
        Accepted("log-output-level"),
        Accepted("log-target"),
        Accepted("log-caller"),
        Accepted("log-stacktrace-level"),
        AcceptedSwitch("log-as-json"),
        Accepted("ctrlz-port"),
        Accepted("ctrlz-address"),
        new(Help, 'h', "false", true, "this text"),
    ];

    private static FlagDefinition Text(string name, string value, string help) =>
        new(name, null, value, false, help, VariableOf(name));

    private static FlagDefinition Switch(string name, string value, string help) =>
        new(name, null, value, true, help, VariableOf(name));

    private static FlagDefinition Accepted(string name) => new(name, null, string.Empty, false, "accepted, without effect");

    private static FlagDefinition AcceptedSwitch(string name) => new(name, null, "false", true, "accepted, without effect");

    private static string VariableOf(string name) => name.Replace('-', '_').ToUpperInvariant();
}
