namespace Pilotfish.Local.Kubelet;

/// <summary>
/// File systems that are mounted below the root and hold the machine's programs (a separate /usr, say): an overlay of
/// the root alone would show empty folders there.
/// </summary>
internal static class MachineMounts
{
    private static readonly string[] s_diskKinds =
        ["ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "overlay", "virtiofs", "9p", "nfs", "nfs4", "erofs", "squashfs"];

    private static readonly string[] s_skipped = ["/proc", "/sys", "/dev", "/run", "/tmp", "/boot"];

    public static IReadOnlyList<string> Read()
    {
        var mounts = new List<string>();
        foreach (string line in File.ReadLines("/proc/self/mountinfo"))
        {
            // "36 35 98:0 /root /mount/point options - ext4 device super-options"
            string[] fields = line.Split(' ');
            int separator = Array.IndexOf(fields, "-");
            string point = fields[4];
            bool wanted = separator > 0
                && s_diskKinds.Contains(fields[separator + 1])
                && point != "/"
                && !point.Contains('\\', StringComparison.Ordinal)
                && Directory.Exists(point)
                && !s_skipped.Any(s => point == s || point.StartsWith(s + "/", StringComparison.Ordinal));
            if (wanted)
            {
                mounts.Add(point);
            }
        }

        return mounts;
    }
}
