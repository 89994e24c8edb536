#!/bin/sh
# Install the Debian packages that are missing, where this is root on Debian or Ubuntu; elsewhere name them.
# Quick, and silent, when everything is there.
#
#   system-packages.sh             what tests and demo need; as root, who can do more, also what the lab needs
#   system-packages.sh venv        what making a virtual environment needs: run it before that
#   system-packages.sh compiler    what compiling the hot path needs
#   system-packages.sh lab         what `doorman run` and `doorman lab` need
#   system-packages.sh recording   what recording the captures of examples/ needs
#
# Servers that would begin to serve where they are installed, or that exclude each other, are only unpacked: NAME goes to
# /opt/doorman-peers/NAME.
#
# The exit status is 0 also when something is missing: what needs it says so itself.
set -eu

peers=/opt/doorman-peers

# One line each: how to tell that it is there, the package, and what it is for.
packages() {
  case $1 in
    venv) cat <<'LIST' ;;
"${PYTHON:-python3}" -c 'import ensurepip, venv' | python3-venv | makes the virtual environment
LIST
    compiler) cat <<'LIST' ;;
command -v cc | gcc | compiles
"${PYTHON:-python3}" -c 'import os, sysconfig as s; os.stat(s.get_path("include") + "/Python.h")' | python3-dev | has the headers of Python
LIST
    tests) cat <<'LIST' ;;
command -v tshark  | tshark           | decodes captures, as the tests' judge beside our own reader
command -v editcap | wireshark-common | makes the variants of captures that the tests read
LIST
    kernel-tests) cat <<'LIST' ;;
command -v conntrack | conntrack  | says what the kernel tracks, as the tests' judge beside our own reader
command -v iptables  | iptables   | makes rules of the kind that nft shows too little of
test -x /usr/lib/ipsec/charon | strongswan-charon  | real IKE
command -v swanctl   | strongswan-swanctl | tells it what to do
test -e /usr/lib/ipsec/plugins/libstrongswan-openssl.so | libstrongswan-standard-plugins | its cryptography
test -e /usr/lib/ipsec/plugins/libstrongswan-kernel-libipsec.so | libcharon-extra-plugins | ESP without the kernel's
command -v vsftpd | vsftpd        | serves files
/usr/bin/python3 -c 'import pyftpdlib' | python3-pyftpdlib | serves files
command -v curl  | curl           | fetches them
command -v lftp  | lftp           | fetches them
command -v tnftp | tnftp          | fetches them
command -v slapd | slapd           | a directory
command -v ldapsearch | ldap-utils | asks it
command -v openssl | openssl       | makes its certificate
command -v nmbd  | samba           | NetBIOS hosts and their name server
command -v nmblookup | samba-common-bin | asks them
command -v smbclient | smbclient   | opens a session with one
ls /usr/lib/*/libwrap.so.0 | libwrap0 | lets servers ask who may come
test -x $peers/tftpd-hpa/usr/sbin/in.tftpd | tftpd-hpa/unpacked | serves files by TFTP
test -x $peers/atftpd/usr/sbin/atftpd      | atftpd/unpacked    | serves files by TFTP
test -x $peers/tftp-hpa/usr/bin/tftp       | tftp-hpa/unpacked  | fetches them
test -x $peers/atftp/usr/bin/atftp         | atftp/unpacked     | fetches them
test -x $peers/rsh-redone-server/usr/sbin/in.rshd       | rsh-redone-server/unpacked | runs commands for others
test -x $peers/rsh-redone-client/usr/bin/rsh-redone-rsh | rsh-redone-client/unpacked | has them run
command -v ffmpeg | ffmpeg | plays and records streams
command -v gst-launch-1.0 | gstreamer1.0-tools | plays them
ls /usr/lib/*/gstreamer-1.0/libgstvideotestsrc.so | gstreamer1.0-plugins-base | makes them
ls /usr/lib/*/gstreamer-1.0/libgstrtsp.so | gstreamer1.0-plugins-good | sends and receives them
/usr/bin/python3 -c 'import gi' | python3-gi | lets the system's Python have the next
ls /usr/lib/*/girepository-1.0/GstRtspServer-1.0.typelib | gir1.2-gst-rtsp-server-1.0 | serves them
command -v dnsmasq | dnsmasq-base  | answers DNS
command -v named   | bind9         | answers DNS, for zones
command -v dig     | bind9-dnsutils | asks them
command -v traceroute | traceroute | asks for the hops of a path, as users do
command -v ping    | iputils-ping | asks whether a host is there, of either family
LIST
    lab) cat <<'LIST' ;;
command -v ip      | iproute2     | makes the network namespaces
command -v ethtool | ethtool      | has the kernel compute the checksums that are recorded
command -v nft     | nftables     | tells the kernel what to translate, and what not to let in
command -v tcpdump | tcpdump      | records
command -v sipp    | sip-tester   | follows scenarios: caller, callee, registrar
command -v baresip | baresip-core | a real telephone
LIST
    recording) cat <<'LIST' ;;
command -v tshark  | tshark       | judges the recordings
command -v vsftpd  | vsftpd       | serves files
command -v lftp    | lftp         | fetches them
command -v ffmpeg  | ffmpeg       | plays streams
ls /usr/lib/*/gstreamer-1.0/libgstvideotestsrc.so | gstreamer1.0-plugins-base | makes them
ls /usr/lib/*/gstreamer-1.0/libgstrtsp.so | gstreamer1.0-plugins-good | sends them
/usr/bin/python3 -c 'import gi' | python3-gi | lets the system's Python have the next
ls /usr/lib/*/girepository-1.0/GstRtspServer-1.0.typelib | gir1.2-gst-rtsp-server-1.0 | serves them
command -v slapd   | slapd        | a directory
command -v ldapsearch | ldap-utils | asks it
command -v nmbd    | samba        | NetBIOS hosts and their name server
ls /usr/lib/*/libwrap.so.0 | libwrap0 | lets servers ask who may come
test -x $peers/tftpd-hpa/usr/sbin/in.tftpd | tftpd-hpa/unpacked | serves files by TFTP
test -x $peers/tftp-hpa/usr/bin/tftp       | tftp-hpa/unpacked  | fetches them
test -x $peers/rsh-redone-server/usr/sbin/in.rshd       | rsh-redone-server/unpacked | runs commands for others
test -x $peers/rsh-redone-client/usr/bin/rsh-redone-rsh | rsh-redone-client/unpacked | has them run
command -v dnsmasq | dnsmasq-base  | answers DNS
command -v named   | bind9         | answers DNS, for zones
command -v dig     | bind9-dnsutils | asks them
LIST
  esac
}

# What a word of the command line stands for: lists of packages.
lists() {
  case $1 in
    tests) if [ "$(id -u)" -eq 0 ]; then echo tests kernel-tests lab; else echo tests; fi ;;
    recording) echo lab recording ;;
    *) echo "$1" ;;
  esac
}

# The lines whose command does not succeed.
missing() {
  for list in $(lists "$1"); do packages "$list"; done | while IFS='|' read -r probe package purpose; do
    eval "$probe" >/dev/null 2>&1 || echo "$package|$purpose"
  done
}

can_install() {
  [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null
}

unpack() {
  folder=$(mktemp -d)
  mkdir -p "$peers/$1"
  (cd "$folder" && apt-get -qq download "$1" 2>/dev/null && dpkg -x ./*.deb "$peers/$1") || true
  rm -rf "$folder"
}

# No question is asked, also not that of wireshark-common; another apt at work is waited for.
install() {
  export DEBIAN_FRONTEND=noninteractive
  apt-get -qq update || true
  for package in "$@"; do
    case $package in
      */unpacked) unpack "${package%/unpacked}" ;;
      *) echo "$package" ;;
    esac
  done | xargs -r apt-get -qq -y --no-install-recommends -o DPkg::Lock::Timeout=120 install >/dev/null
}

what=${1:-tests}
case $what in
  venv | compiler | tests | lab | recording) ;;
  *)
    echo "usage: $0 [venv|compiler|tests|lab|recording]" >&2
    exit 2
    ;;
esac

lines=$(missing "$what")
if [ -n "$lines" ] && can_install; then
  # shellcheck disable=SC2046 # a list of words
  install $(echo "$lines" | cut -d '|' -f 1) || true
  lines=$(missing "$what")
fi
if [ -n "$lines" ]; then
  echo "Not installed:$(echo "$lines" | sed 's/ *| */ (/; s/^ */ /; s/$/),/' | tr -d '\n' | sed 's/,$/./')" >&2
fi
