using Pilotfish.Capture.Cni.Install;
using Pilotfish.Capture.Command;

namespace Pilotfish.Capture.Cni.Repair;

/// <summary>How broken pods are told, and what is done to them.</summary>
internal sealed record RepairOptions
{
    public RepairMode Mode { get; init; }

    public string LabelKey { get; init; } = "cni.istio.io/uninitialized";

    public string LabelValue { get; init; } = "true";

    /// <summary>Empty: pods of all nodes.</summary>
    public string NodeName { get; init; } = string.Empty;

    /// <summary>Empty: pods without it count, too.</summary>
    public string SidecarAnnotation { get; init; } = "sidecar.istio.io/status";

    /// <summary>Empty: any init container.</summary>
    public string InitContainerName { get; init; } = "istio-validation";

    /// <summary>Empty: any message.</summary>
    public string InitMessage { get; init; } = string.Empty;

    /// <summary>0: any code.</summary>
    public long InitExitCode { get; init; } = IptablesCommand.ExitValidationFailed;

    public string LabelSelectors { get; init; } = string.Empty;

    public string FieldSelectors { get; init; } = string.Empty;

    public bool NativeNftables { get; init; }

    public static RepairOptions Read(IReadOnlyDictionary<string, FlagValue> flags)
    {
        var reader = new FlagReader(flags);
        return new RepairOptions
        {
            Mode = ReadMode(reader),
            LabelKey = reader.Text(InstallFlags.RepairLabelKey),
            LabelValue = reader.Text(InstallFlags.RepairLabelValue),
            NodeName = reader.Text(InstallFlags.RepairNodeName),
            SidecarAnnotation = reader.Text(InstallFlags.RepairSidecarAnnotation),
            InitContainerName = reader.Text(InstallFlags.RepairInitContainerName),
            InitMessage = reader.Text(InstallFlags.RepairInitMessage),
            InitExitCode = reader.Number(InstallFlags.RepairInitExitCode, min: 0),
            LabelSelectors = reader.Text(InstallFlags.RepairLabelSelectors),
            FieldSelectors = reader.Text(InstallFlags.RepairFieldSelectors),
            NativeNftables = reader.Switch(InstallFlags.NativeNftables),
        };
    }

    /// <summary>The gentlest of those that were asked for.</summary>
    private static RepairMode ReadMode(FlagReader reader)
    {
        if (!reader.Switch(InstallFlags.RepairEnabled))
        {
            return RepairMode.None;
        }

        return reader.Switch(InstallFlags.RepairRepairPods) ? RepairMode.Repair
            : reader.Switch(InstallFlags.RepairDeletePods) ? RepairMode.Delete
            : reader.Switch(InstallFlags.RepairLabelPods) ? RepairMode.Label
            : RepairMode.None;
    }
}
