namespace Pilotfish.Capture.Cni.Repair;

/// <summary>Tells a pod that started without its rules: its validation ended with the code that says so, and has not passed since.</summary>
internal static class BrokenPods
{
    private const string Completed = "Completed";

    public static bool IsBroken(NodePod pod, RepairOptions options)
    {
        if (options.SidecarAnnotation.Length > 0 && !pod.Facts.Annotations.ContainsKey(options.SidecarAnnotation))
        {
            return false;
        }

        foreach (InitContainerStatus container in pod.InitContainers)
        {
            bool isAsked = options.InitContainerName.Length == 0 || container.Name == options.InitContainerName;

            // One that has passed in the meantime is not broken, whatever happened before. One that has failed is told by its last
            // end only, which the kubelet fills when it starts it again.
            bool hasPassed = container.Now is { } now && (now.ExitCode == 0 || now.Reason == Completed);
            if (isAsked && !hasPassed && container.Before is { } before && Matches(before, options))
            {
                return true;
            }
        }

        return false;
    }

    private static bool Matches(ContainerEnd end, RepairOptions options)
    {
        string message = options.InitMessage.Trim();
        return (message.Length == 0 || message == end.Message.Trim())
            && (options.InitExitCode == 0 || options.InitExitCode == end.ExitCode);
    }
}
