//! The stories that are told, in the words of Kubernetes 1.36.

use eventer_core::event::ObjectReference;
use fastrand::Rng;

use super::story::{Pod, Reporter, Story, node, object, suffix, uid};

/// Adds the steps of a story to it.
pub(super) type Teller = fn(&mut Story, &mut Rng);

/// Every kind of story.
pub(super) const ALL: [Teller; 12] = [
    roll_out,
    crash_loop,
    node_lost,
    volume_in_use,
    missing_config,
    exceeded_quota,
    unschedulable,
    failing_probe,
    missing_image,
    cron_job,
    autoscaled,
    out_of_memory,
];

/// The applications of the cluster: namespace, name, container, image.
const APPS: [(&str, &str, &str, &str); 6] = [
    ("shop", "web", "nginx", "nginx:1.27.0"),
    ("shop", "cart", "cart", "registry.example.com/shop/cart:2.4.1"),
    ("payments", "api", "app", "registry.example.com/payments/api:9"),
    ("payments", "ledger", "ledger", "registry.example.com/payments/ledger:3.1"),
    ("data", "recommender", "serve", "registry.example.com/data/recommender:1.12"),
    ("monitoring", "prometheus", "prometheus", "quay.io/prometheus/prometheus:v3.7.2"),
];
const NODES: [&str; 5] = ["node-1", "node-2", "node-3", "node-4", "node-5"];

const DEPLOYMENTS: Reporter = Reporter::Controller("deployment-controller");
const REPLICA_SETS: Reporter = Reporter::Controller("replicaset-controller");
const JOBS: Reporter = Reporter::Controller("job-controller");
const CRON_JOBS: Reporter = Reporter::Controller("cronjob-controller");
const NODE_CONTROLLER: Reporter = Reporter::Controller("node-controller");
const TAINT_EVICTION: Reporter = Reporter::Controller("taint-eviction-controller");
const ATTACH_DETACH: Reporter = Reporter::Controller("attachdetach-controller");
const AUTOSCALER: Reporter = Reporter::Controller("horizontal-pod-autoscaler");

/// A deployment gets a new replica set, pod by pod.
fn roll_out(story: &mut Story, rng: &mut Rng) {
    let (namespace, app, ..) = app(rng);
    let deployment = object(rng, "apps/v1", "Deployment", namespace, app);
    let (old, new) = (format!("{app}-{}", suffix(rng, 10)), format!("{app}-{}", suffix(rng, 10)));
    let old_set = object(rng, "apps/v1", "ReplicaSet", namespace, &old);
    let new_set = object(rng, "apps/v1", "ReplicaSet", namespace, &new);
    let replicas = rng.u32(2..=4);
    for done in 0..replicas {
        let message = format!("Scaled up replica set {new} from {done} to {}", done + 1);
        story.happens(&deployment, DEPLOYMENTS, "ScalingReplicaSet", message);
        let pod = created_pod(story, rng, app, &new_set);
        scheduled(story, &pod);
        pulled(story, rng, &pod);
        started(story, &pod);
        let left = replicas - done;
        let message = format!("Scaled down replica set {old} from {left} to {}", left - 1);
        story.happens(&deployment, DEPLOYMENTS, "ScalingReplicaSet", message);
        let gone = pod_of(rng, app, &old);
        let message = format!("Deleted pod: {}", gone.object.name);
        story.happens(&old_set, REPLICA_SETS, "SuccessfulDelete", message);
        let message = format!("Stopping container {}", gone.container);
        story.happens(&gone.container(), gone.kubelet(), "Killing", message);
    }
}

/// A container ends again and again, and is started again later and later.
fn crash_loop(story: &mut Story, rng: &mut Rng) {
    let pod = any_pod(rng);
    scheduled(story, &pod);
    let [pulled, created, started] = restarted(story, &pod);
    let message = format!(
        "Back-off restarting failed container {} in pod {}_{}({})",
        pod.container, pod.object.name, pod.object.namespace, pod.object.uid
    );
    let back_off = story.fails(&pod.container(), pod.kubelet(), "BackOff", message);
    for _ in 0..rng.u32(2..=4) {
        for step in [pulled, created, started] {
            story.again(step);
        }
        for _ in 0..rng.u32(2..=6) {
            story.again(back_off);
        }
    }
}

/// A node is lost, its pods are moved, and it comes back.
fn node_lost(story: &mut Story, rng: &mut Rng) {
    let name = NODES[rng.usize(..NODES.len())];
    let lost = node(name);
    let kubelet = || Reporter::OnNode("kubelet", name.to_owned());
    story.fails(&lost, NODE_CONTROLLER, "NodeNotReady", format!("Node {name} status is now: NodeNotReady"));
    let pods: Vec<Pod> = (0..rng.u32(2..=4)).map(|_| Pod { node: name.to_owned(), ..any_pod(rng) }).collect();
    for pod in &pods {
        story.fails(&pod.object, NODE_CONTROLLER, "NodeNotReady", "Node is not ready");
    }
    for pod in &pods {
        let message = format!("Marking for deletion Pod {}", pod.path());
        story.happens(&pod.object, TAINT_EVICTION, "TaintManagerEviction", message);
    }
    story.happens(&lost, kubelet(), "Starting", "Starting kubelet.");
    let message = format!("Node {name} has been rebooted, boot id: {}", uid(rng));
    story.fails(&lost, kubelet(), "Rebooted", message);
    for reason in ["NodeHasSufficientMemory", "NodeHasNoDiskPressure", "NodeHasSufficientPID", "NodeReady"] {
        story.happens(&lost, kubelet(), reason, format!("Node {name} status is now: {reason}"));
    }
}

/// A volume is still attached to another node.
fn volume_in_use(story: &mut Story, rng: &mut Rng) {
    let name = format!("db-{}", rng.u32(..3));
    let pod = Pod { object: object(rng, "v1", "Pod", "data", &name), ..any_pod(rng) };
    let volume = format!("pvc-{}", uid(rng));
    scheduled(story, &pod);
    let message = format!(
        "Multi-Attach error for volume \"{volume}\" Volume is already exclusively attached to one node and can't be attached to another"
    );
    story.fails(&pod.object, ATTACH_DETACH, "FailedAttachVolume", message);
    let message = "Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[], failed to process volumes=[]: timed out waiting for the condition";
    let waits = story.fails(&pod.object, pod.kubelet(), "FailedMount", message);
    for _ in 0..rng.u32(1..=4) {
        story.again(waits);
    }
    let message = format!("AttachVolume.Attach succeeded for volume \"{volume}\"");
    story.happens(&pod.object, ATTACH_DETACH, "SuccessfulAttachVolume", message);
    pulled(story, rng, &pod);
    started(story, &pod);
}

/// A config map is missing until somebody notices.
fn missing_config(story: &mut Story, rng: &mut Rng) {
    let pod = any_pod(rng);
    scheduled(story, &pod);
    let message = format!(
        "MountVolume.SetUp failed for volume \"config\" : configmap \"{}-config\" not found",
        pod.container
    );
    let fails = story.fails(&pod.object, pod.kubelet(), "FailedMount", message);
    for _ in 0..rng.u32(3..=9) {
        story.again(fails);
    }
    pulled(story, rng, &pod);
    started(story, &pod);
}

/// A namespace has used up its quota.
fn exceeded_quota(story: &mut Story, rng: &mut Rng) {
    let (namespace, app, ..) = app(rng);
    let name = format!("{app}-{}", suffix(rng, 10));
    let set = object(rng, "apps/v1", "ReplicaSet", namespace, &name);
    let limit = rng.u32(5..40);
    let refused = |prefix: &str, rng: &mut Rng| {
        format!(
            "{prefix}Error creating: pods \"{name}-{}\" is forbidden: exceeded quota: compute, requested: pods=1, used: pods={limit}, limited: pods={limit}",
            suffix(rng, 5)
        )
    };
    for _ in 0..rng.u32(3..=6) {
        let message = refused("", rng);
        story.fails(&set, REPLICA_SETS, "FailedCreate", message);
    }
    let message = refused("(combined from similar events): ", rng);
    let combined = story.fails(&set, REPLICA_SETS, "FailedCreate", message);
    for _ in 0..rng.u32(1..=5) {
        story.again(combined);
    }
}

/// A pod fits on no node, until one has room.
fn unschedulable(story: &mut Story, rng: &mut Rng) {
    let pod = any_pod(rng);
    let nodes = NODES.len();
    let (lacking, resource) = (rng.usize(1..nodes), ["cpu", "memory", "nvidia.com/gpu"][rng.usize(..3)]);
    let message = format!(
        "0/{nodes} nodes are available: {lacking} Insufficient {resource}, {} node(s) had untolerated taint(s). no new claims to deallocate, preemption: 0/{nodes} nodes are available: {nodes} Preemption is not helpful for scheduling.",
        nodes - lacking
    );
    let fails = story.fails(&pod.object, Reporter::Scheduler("Scheduling"), "FailedScheduling", message);
    for _ in 0..rng.u32(2..=6) {
        story.again(fails);
    }
    scheduled(story, &pod);
    pulled(story, rng, &pod);
    started(story, &pod);
}

/// A pod answers its probes no more, and is started again.
fn failing_probe(story: &mut Story, rng: &mut Rng) {
    let pod = any_pod(rng);
    let container = pod.container();
    let message = "Readiness probe failed: HTTP probe failed with statuscode: 503";
    let unready = story.fails(&container, pod.kubelet(), "Unhealthy", message);
    let message = format!(
        "Liveness probe failed: Get \"http://10.244.{}.{}:8080/healthz\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
        rng.u8(..6),
        rng.u8(2..)
    );
    let dead = story.fails(&container, pod.kubelet(), "Unhealthy", message);
    for _ in 0..rng.u32(2..=3) {
        story.again(unready);
        story.again(dead);
    }
    let message = format!("Container {} failed liveness probe, will be restarted", pod.container);
    story.happens(&container, pod.kubelet(), "Killing", message);
    restarted(story, &pod);
}

/// A tag is misspelt.
fn missing_image(story: &mut Story, rng: &mut Rng) {
    let pod = Pod { image: "ledger:does-not-exist".to_owned(), ..any_pod(rng) };
    let (container, image) = (pod.container(), &pod.image);
    scheduled(story, &pod);
    let pulling = story.happens(&container, pod.kubelet(), "Pulling", format!("Pulling image \"{image}\""));
    let full = format!("docker.io/library/{image}");
    let message = format!(
        "Failed to pull image \"{image}\": rpc error: code = NotFound desc = failed to pull and unpack image \"{full}\": failed to resolve reference \"{full}\": {full}: not found"
    );
    let not_found = story.fails(&container, pod.kubelet(), "Failed", message);
    let error = story.fails(&container, pod.kubelet(), "Failed", "Error: ErrImagePull");
    let message = format!("Back-off pulling image \"{image}\"");
    let back_off = story.happens(&container, pod.kubelet(), "BackOff", message);
    let backing_off = story.fails(&container, pod.kubelet(), "Failed", "Error: ImagePullBackOff");
    for _ in 0..rng.u32(1..=3) {
        for step in [pulling, not_found, error, back_off, backing_off, back_off, backing_off] {
            story.again(step);
        }
    }
}

/// A cron job runs, and at times it fails.
fn cron_job(story: &mut Story, rng: &mut Rng) {
    let cron = object(rng, "batch/v1", "CronJob", "data", "report");
    let name = format!("report-{}", rng.u32(29_900_000..29_999_999));
    let job = object(rng, "batch/v1", "Job", "data", &name);
    story.happens(&cron, CRON_JOBS, "SuccessfulCreate", format!("Created job {name}"));
    let pod = pod_of(rng, "recommender", &name);
    story.happens(&job, JOBS, "SuccessfulCreate", format!("Created pod: {}", pod.object.name));
    scheduled(story, &pod);
    pulled(story, rng, &pod);
    started(story, &pod);
    let condition = if rng.u8(..4) > 0 {
        story.happens(&job, JOBS, "Completed", "Job completed");
        "Complete"
    } else {
        story.fails(&job, JOBS, "BackoffLimitExceeded", "Job has reached the specified backoff limit");
        "Failed"
    };
    let message = format!("Saw completed job: {name}, condition: {condition}");
    story.happens(&cron, CRON_JOBS, "SawCompletedJob", message);
}

/// Load grows, and pods with it; the metrics are missing for a while.
fn autoscaled(story: &mut Story, rng: &mut Rng) {
    let (namespace, app, ..) = app(rng);
    let autoscaler = object(rng, "autoscaling/v2", "HorizontalPodAutoscaler", namespace, app);
    let deployment = object(rng, "apps/v1", "Deployment", namespace, app);
    let message = "failed to get cpu utilization: unable to get metrics for resource cpu: no metrics returned from resource metrics API";
    let blind = story.fails(&autoscaler, AUTOSCALER, "FailedGetResourceMetric", message);
    for _ in 0..rng.u32(1..=3) {
        story.again(blind);
    }
    let from = rng.u32(2..=5);
    let to = from + rng.u32(1..=3);
    let message =
        format!("New size: {to}; reason: cpu resource utilization (percentage of request) above target");
    story.happens(&autoscaler, AUTOSCALER, "SuccessfulRescale", message);
    let set = format!("{app}-{}", suffix(rng, 10));
    let set = object(rng, "apps/v1", "ReplicaSet", namespace, &set);
    let message = format!("Scaled up replica set {} from {from} to {to}", set.name);
    story.happens(&deployment, DEPLOYMENTS, "ScalingReplicaSet", message);
    for _ in from..to {
        let pod = created_pod(story, rng, app, &set);
        scheduled(story, &pod);
        restarted(story, &pod);
    }
}

/// The kernel kills a process that wants too much memory.
fn out_of_memory(story: &mut Story, rng: &mut Rng) {
    let pod = any_pod(rng);
    let message = format!(
        "Memory cgroup out of memory: Killed process {} ({}) total-vm:{}kB, anon-rss:{}kB, file-rss:0kB, shmem-rss:0kB",
        rng.u32(2_000..400_000),
        pod.container,
        rng.u32(1_000_000..9_000_000),
        rng.u32(200_000..900_000)
    );
    let monitor = Reporter::OnNode("kernel-monitor", pod.node.clone());
    story.fails(&node(&pod.node), monitor, "OOMKilling", message);
    restarted(story, &pod);
}

/// A replica set's new pod.
fn created_pod(story: &mut Story, rng: &mut Rng, app: &str, set: &ObjectReference) -> Pod {
    let pod = pod_of(rng, app, &set.name);
    story.happens(set, REPLICA_SETS, "SuccessfulCreate", format!("Created pod: {}", pod.object.name));
    pod
}

fn scheduled(story: &mut Story, pod: &Pod) {
    let message = format!("Successfully assigned {} to {}", pod.path(), pod.node);
    story.happens(&pod.object, Reporter::Scheduler("Binding"), "Scheduled", message);
}

fn pulled(story: &mut Story, rng: &mut Rng, pod: &Pod) {
    let (container, image) = (pod.container(), &pod.image);
    story.happens(&container, pod.kubelet(), "Pulling", format!("Pulling image \"{image}\""));
    let millis = rng.u32(300..9_000);
    let took = format!("{}.{:03}s", millis / 1000, millis % 1000);
    let message = format!(
        "Successfully pulled image \"{image}\" in {took} ({took} including waiting). Image size: {} bytes.",
        rng.u32(8_000_000..400_000_000)
    );
    story.happens(&container, pod.kubelet(), "Pulled", message);
}

fn started(story: &mut Story, pod: &Pod) -> [usize; 2] {
    let container = pod.container();
    [
        story.happens(&container, pod.kubelet(), "Created", "Container created"),
        story.happens(&container, pod.kubelet(), "Started", "Container started"),
    ]
}

/// The image is there already.
fn restarted(story: &mut Story, pod: &Pod) -> [usize; 3] {
    let message = format!(
        "Container image \"{}\" already present on machine and can be accessed by the pod",
        pod.image
    );
    let pulled = story.happens(&pod.container(), pod.kubelet(), "Pulled", message);
    let [created, started] = started(story, pod);
    [pulled, created, started]
}

fn app(rng: &mut Rng) -> (&'static str, &'static str, &'static str, &'static str) {
    APPS[rng.usize(..APPS.len())]
}

fn any_pod(rng: &mut Rng) -> Pod {
    let (_, app, ..) = app(rng);
    let set = format!("{app}-{}", suffix(rng, 10));
    pod_of(rng, app, &set)
}

fn pod_of(rng: &mut Rng, app: &str, owner: &str) -> Pod {
    let known = APPS.iter().find(|(_, known, ..)| *known == app);
    let (namespace, _, container, image) = known.expect("it is one of the applications");
    let name = format!("{owner}-{}", suffix(rng, 5));
    Pod {
        object: object(rng, "v1", "Pod", namespace, &name),
        node: NODES[rng.usize(..NODES.len())].to_owned(),
        container,
        image: (*image).to_owned(),
    }
}
